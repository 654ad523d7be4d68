"""Canary's features: NeMo's log-mel values, normalised over the whole utterance, computed incrementally.

Audio of 16 kHz is pre-emphasised (each sample minus 0.97 times the one before), cut into windows of 25 ms
every 10 ms, and becomes natural logarithms of mel power. Each mel bin is then brought to mean 0 and standard
deviation 1 over all frames of the utterance. What NeMo calls an utterance is here all audio that a stream
remembers.

What a new chunk of audio leaves to be computed:

- Log-mel values are kept: a frame is final once all samples of its window have been heard, and final frames
  are computed once. Only the last frame may reach, by less than 40 samples, past the audio.
- Mean and deviation change with every chunk, and so does every normalised value of every frame. They are
  cheap, but nothing behind them can be kept: all of Canary's encoder, whose frames also see each other in
  both directions, is computed anew (`models.canary.whole_encoder`).

A stream has floor(samples / 160) frames, as in NeMo, but at least one, which a stream of under 10 ms fills
with silence. With one frame there is no deviation: it is all zeros, as in NeMo.

Shapes: M mel bins, F frames of 10 ms, S samples.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.layers.growing_rows import GrowingRows
from models.sound.audio import SAMPLE_RATE
from models.sound.log_mel import HOP, HOP_MS, REACH, WINDOW, mel_filters
from models.whisper.front_end import Lengths

TRANSFORM = 512  # points of the Fourier transform, of which a window fills 400
PRE_EMPHASIS = 0.97
LEAST_POWER = 2**-24  # added to mel power, whose logarithm is taken
LEAST_DEVIATION = 1e-5  # added to the standard deviation, which divides


class CanaryStream:
    """The audio of one stream, which grows by `append` and shrinks by `drop_before`."""

    def __init__(self, mel_bins: int, device: torch.device | str = "cpu") -> None:
        self.filters = mel_filters(mel_bins, TRANSFORM).to(device)
        self._samples = GrowingRows(torch.zeros(0, device=device))
        self._final = GrowingRows(torch.zeros(0, mel_bins, device=device))  # log-mel values, not normalised

    @property
    def samples_heard(self) -> int:
        """And not forgotten."""
        return len(self._samples.rows)

    @property
    def frames_heard(self) -> int:
        """Frames of the audio; none where there is no sample."""
        return _frames(self.samples_heard)

    @property
    def duration_ms(self) -> float:
        return self.samples_heard * 1000 / SAMPLE_RATE

    def append(self, samples) -> None:
        """Hears (S,) further samples, 16 kHz, a tensor or an array. Raises ValueError on another shape."""
        samples = torch.as_tensor(samples, dtype=torch.float32, device=self.filters.device)
        if samples.dim() != 1:
            raise ValueError(f"samples must have the shape (S,), got {tuple(samples.shape)}: down-mix first")
        self._samples.extend(samples)
        final = max(0, (self.samples_heard - REACH) // HOP + 1)
        if final > len(self._final.rows):
            self._final.extend(self._log_mel(self._samples.rows, len(self._final.rows), final))

    def drop_before(self, ms: float) -> float:
        """Forget the oldest audio: as many whole frames as `ms` holds. Returns how much that was, in ms.

        What is left is that of a fresh stream which has heard only the later samples.
        """
        frames = min(int(ms * SAMPLE_RATE / 1000) // HOP, self.samples_heard // HOP)
        if frames <= 0:
            return 0.0
        self._samples.drop(frames * HOP)
        self._final.drop(min(frames, len(self._final.rows)))
        # The windows of the first frames reach to the left of the first sample, which has none before it.
        first = min(len(self._final.rows), -(-REACH // HOP))
        if first:
            self._final.rows[:first] = self._log_mel(self._samples.rows, 0, first)
        return frames * HOP * 1000 / SAMPLE_RATE

    def features(self, silence_samples: int = 0) -> Tensor:
        """(M, F) float32 of all audio with so many samples of silence behind it."""
        samples = self._samples.rows
        if silence_samples:
            samples = F.pad(samples, (0, silence_samples))
        final = self._final.rows
        tail = self._log_mel(samples, len(final), _frames(len(samples)))
        return _normalised(torch.cat([final, tail])).T

    def _log_mel(self, samples: Tensor, first: int, end: int) -> Tensor:
        """(end - first, M): log-mel values of frames; zeros stand where a window reaches past the samples."""
        if end <= first:
            return self._final.rows[:0]
        begin, stop = first * HOP - REACH, (end - 1) * HOP + REACH
        left = max(begin, 0)
        heard = samples[left:stop]
        before = samples[left - 1 : left] if left else samples.new_zeros(1)
        emphasised = heard - PRE_EMPHASIS * torch.cat([before, heard[:-1]])
        emphasised = F.pad(emphasised, (left - begin, stop - left - len(heard)))
        hann = torch.hann_window(WINDOW, periodic=False, device=samples.device)
        # In the middle, as in NeMo: the power is the same anywhere, but rounding is not.
        windows = F.pad(emphasised.unfold(0, WINDOW, HOP) * hann, [(TRANSFORM - WINDOW) // 2] * 2)
        power = torch.fft.rfft(windows).abs() ** 2
        return (power @ self.filters.T + LEAST_POWER).log()


def _frames(samples: int) -> int:
    return max(samples // HOP, min(samples, 1))


def _normalised(values: Tensor) -> Tensor:
    """(F, M) -> the same, of mean 0 and deviation 1 in each bin."""
    centred = values - values.mean(0)
    deviation = (centred.square().sum(0) / max(1, len(values) - 1)).sqrt()
    return centred / (deviation + LEAST_DEVIATION)


@dataclass(frozen=True)
class CanaryFrontEnd:
    """Features of whole clips, and the frames that an encoder makes of them (`models.whisper.front_end`)."""

    mel_bins: int
    halvings: int  # of the frame rate

    @property
    def frame_ms(self) -> float:
        return float(HOP_MS * 2**self.halvings)

    def features(self, samples: Tensor, silence_ms: int = 0) -> Tensor:
        stream = CanaryStream(self.mel_bins, samples.device)
        stream.append(samples)
        return stream.features(silence_ms * SAMPLE_RATE // 1000).contiguous()

    def memory_frames(self, lengths: Lengths) -> Lengths:
        return -(-lengths // 2**self.halvings)
