"""Whisper's log-mel features, computed incrementally.

Radford et al. 2022, section 2.2: 16 kHz audio, windows of 25 ms every 10 ms, log-mel values
clamped to 8 decades (log10) below the loudest value and scaled to about [-1, 1].

A stream is always treated as if silence followed it, as Whisper's padding to 30 s does. So the
features of an unpadded stream are exactly the first frames of Whisper's window, and the only
reflected samples are those before the first one. (Transformers also reflects at the end of the
30 s window, where OpenAI's code sees zeros; the two differ in the last frame of audio that fills
the window to its last 40 samples. This file does what OpenAI's does.)

Shapes: M mel bins, F frames of 10 ms, S samples.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Protocol

import torch
from torch import Tensor

from foundation.errors import InputError
from models.layers.growing_rows import GrowingRows
from models.sound.audio import SAMPLE_RATE

HOP = 160  # samples between frames
HOP_MS = HOP * 1000 // SAMPLE_RATE  # 10
WINDOW = 400  # samples in one frame: 25 ms
REACH = WINDOW // 2  # samples that a frame sees on each side of its centre
SILENCE = -10.0  # log10 of the smallest power, 1e-10
DECADES = 8.0  # dynamic range kept below the maximum


def _hertz_to_mel(hertz: float) -> float:
    """Slaney's scale: linear up to 1 kHz (15 mel), logarithmic above (27 mel for a factor 6.4)."""
    return hertz * 0.015 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def _mel_to_hertz(mel: Tensor) -> Tensor:
    return torch.where(mel < 15, mel / 0.015, 1000 * torch.exp((mel - 15) / 27 * math.log(6.4)))


@cache
def mel_filters(mel_bins: int, transform: int = WINDOW) -> Tensor:
    """Triangular filters (M, 201) float32 from 0 to 8 kHz, each of unit area over hertz (Slaney's norm).

    Whisper uses 80 bins, large-v3 128. transform: points of the Fourier transform whose frequencies they
    weigh, half of them and one. Raises ValueError unless `mel_bins` is positive. The tensor is shared between
    callers: do not write to it.
    """
    if mel_bins < 1:
        raise ValueError(f"mel_bins must be positive, got {mel_bins}")
    top_mel = _hertz_to_mel(SAMPLE_RATE / 2)
    edges = _mel_to_hertz(torch.linspace(0, top_mel, mel_bins + 2, dtype=torch.float64))  # (M + 2,)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]  # (M, 1)
    hertz = torch.linspace(0, SAMPLE_RATE / 2, transform // 2 + 1, dtype=torch.float64)
    triangle = torch.minimum((hertz - low) / (centre - low), (high - hertz) / (high - centre)).clamp(min=0)
    return (triangle * 2 / (high - low)).float()


def log_mel_windows(windows: Tensor, filters: Tensor) -> Tensor:
    """(F, 400) samples and (M, 201) filters -> (F, M) log10 of mel power, at least -10, not yet clamped."""
    hann = torch.hann_window(WINDOW, device=windows.device)
    power = torch.fft.rfft(windows * hann).abs() ** 2  # (F, 201)
    return (power @ filters.T).clamp(min=1e-10).log10()


class LogMelStream:
    """The features of one audio stream, which grows by `append` and shrinks by `drop_before`.

    A frame is final once all samples of its window have been heard; final frames are computed once.
    The few frames at the end, whose windows reach into the silence that follows, are computed by each
    call of `features`. Samples are kept, since forgetting the oldest makes others the first: those that
    the first two windows see reflected.
    """

    def __init__(self, mel_bins: int = 80, device: torch.device | str = "cpu") -> None:
        self.filters = mel_filters(mel_bins).to(device)
        self.samples_heard = 0  # and not forgotten
        self._samples = GrowingRows(torch.zeros(0, device=device))
        self._final = GrowingRows(torch.zeros(0, mel_bins, device=device))
        self._final_maximum = torch.tensor(SILENCE, device=device)

    @property
    def frames_heard(self) -> int:
        """Frames whose centre has been heard: ceil(samples / 160)."""
        return -(-self.samples_heard // HOP)

    @property
    def frames_final(self) -> int:
        """Frames whose whole window has been heard; scaling may still change with louder audio."""
        return len(self._final.rows)

    @property
    def duration_ms(self) -> float:
        return self.samples_heard * 1000 / SAMPLE_RATE

    def append(self, samples) -> None:
        """Hears (S,) further samples, 16 kHz, a tensor or an array. Raises ValueError on another shape."""
        samples = torch.as_tensor(samples, dtype=torch.float32, device=self.filters.device)
        if samples.dim() != 1:
            raise ValueError(f"samples must have the shape (S,), got {tuple(samples.shape)}: down-mix first")
        self.samples_heard += len(samples)
        self._samples.extend(samples)
        if self.samples_heard <= REACH:
            return
        pending = self._pending(len(self._final.rows))
        if len(pending) >= WINDOW:
            frames = log_mel_windows(pending.unfold(0, WINDOW, HOP), self.filters)
            self._final.extend(frames)
            self._final_maximum = torch.maximum(self._final_maximum, frames.max())

    def drop_before(self, ms: float) -> float:
        """Forget the oldest audio: as many whole frames as `ms` holds. Returns how much that was, in ms.

        What is left is that of a fresh stream which has heard only the later samples: its first windows
        see them reflected, and the loudest value is the loudest of what remains.
        """
        frames = min(int(ms * SAMPLE_RATE / 1000) // HOP, self.samples_heard // HOP)
        if frames <= 0:
            return 0.0
        self.samples_heard -= frames * HOP
        self._samples.drop(frames * HOP)
        self._final.drop(min(frames, len(self._final.rows)))
        if self.samples_heard <= REACH:
            self._final.drop(len(self._final.rows))  # the first window lacks what it would see reflected
        final = self._final.rows
        if len(final):
            # The windows of the first frames reach to the left of the first sample.
            first = min(len(final), -(-REACH // HOP))
            samples = _reflect_start(self._samples.rows[: first * HOP + WINDOW])
            samples = samples[: (first - 1) * HOP + WINDOW]
            final[:first] = log_mel_windows(samples.unfold(0, WINDOW, HOP), self.filters)
        self._final_maximum = final.max() if len(final) else torch.full_like(self._final_maximum, SILENCE)
        return frames * HOP * 1000 / SAMPLE_RATE

    def _pending(self, first: int) -> Tensor:
        """Samples from the window of frame `first` on, of a stream with more than 200 samples."""
        start = first * HOP - REACH
        samples = self._samples.rows
        if start >= 0:
            return samples[start:]
        # Of the first two windows parts lie left of the first sample.
        return _reflect_start(samples)[REACH + start :]

    def features(self, padded_frames: int | None = None) -> Tensor:
        """(M, frames_heard) float32, or (M, padded_frames) where silence fills the rest.

        Whisper's full window is 3000 frames. Raises InputError if the audio is longer than `padded_frames`.
        """
        if padded_frames is not None and padded_frames < self.frames_heard:
            raise InputError(
                f"the audio is {self.duration_ms / 1000:.2f} s long, but the model hears at most "
                f"{padded_frames * HOP / SAMPLE_RATE:g} s: split the audio"
            )
        frames = self.frames_heard if padded_frames is None else padded_frames
        return self._scaled(0, frames, self.samples_heard).contiguous()

    def features_between(self, first: int, end: int, samples: int) -> Tensor:
        """(M, end - first): frames first to end of `features(end)` when only `samples` had been heard."""
        return self._scaled(first, end, samples)

    def _scaled(self, first: int, end: int, samples: int) -> Tensor:
        """(M, end - first), as Whisper hears them behind the first `samples` samples and silence."""
        now = samples == self.samples_heard
        final = len(self._final.rows) if now else max(0, (samples - REACH) // HOP + 1) * (samples > REACH)
        heard = self._final.rows[:final]
        maximum = self._final_maximum
        if not now:
            maximum = heard.max() if final else torch.full_like(maximum, SILENCE)
        tail = self._tail(final, samples)  # (frames that see both the newest samples and silence, M)
        if tail.numel():
            maximum = torch.maximum(maximum, tail.max())
        result = torch.full((end - first, tail.shape[1]), SILENCE, device=tail.device)
        result[: max(0, final - first)] = heard[first:end]
        behind = max(final, first)
        tail = tail[behind - final : max(0, end - final)]
        result[behind - first : behind - first + len(tail)] = tail
        return ((torch.maximum(result, maximum - DECADES) + 4) / 4).T

    def _tail(self, final: int, heard: int) -> Tensor:
        """(F, M): the frames behind the first `final` ones that still see one of the first `heard` samples.

        The last two lie beyond the frames heard, yet the maximum of Whisper's window covers them.
        """
        if heard == 0:
            return self._final.rows[:0]
        if heard <= REACH:
            samples = self._samples.rows[:heard]
            samples = torch.nn.functional.pad(samples, (0, REACH + 1 - len(samples)))
            samples = _reflect_start(samples)
        else:
            samples = self._pending(final)
            samples = samples[: len(samples) - (self.samples_heard - heard)]
        frames = -(-heard // HOP) + 2 - final
        samples = torch.nn.functional.pad(samples, (0, (frames - 1) * HOP + WINDOW - len(samples)))
        return log_mel_windows(samples.unfold(0, WINDOW, HOP), self.filters)


def _reflect_start(samples: Tensor) -> Tensor:
    """(S,) with S > 200 -> (200 + S,): the first window is centred on the first sample."""
    return torch.cat([samples[1 : REACH + 1].flip(0), samples])


def log_mel_spectrogram(samples: Tensor, mel_bins: int = 80, padded_frames: int | None = None) -> Tensor:
    """(S,) float32 samples, 16 kHz -> (M, ceil(S / 160)) features, or (M, padded_frames)."""
    stream = LogMelStream(mel_bins, samples.device)
    stream.append(samples)
    return stream.features(padded_frames)


class FeatureStream(Protocol):
    """One stream's audio, of whatever features."""

    frames_heard: int
    duration_ms: float


def frames_heard(streams: Sequence[FeatureStream], window_frames: int) -> Tensor:
    """(B,) feature frames that the streams have heard, for a model that hears window_frames at most.

    Raises InputError for a stream without audio or one longer than that.
    """
    heard = torch.tensor([stream.frames_heard for stream in streams])
    if int(heard.max()) > window_frames:
        longest_s = max(stream.duration_ms for stream in streams) / 1000
        raise InputError(
            f"audio of {longest_s:.1f} s is longer than the model's window of "
            f"{window_frames * HOP / SAMPLE_RATE:g} s: split it into shorter segments"
        )
    if int(heard.min()) == 0:
        raise InputError("a stream has no audio yet: encode it once it has heard at least one sample")
    return heard
