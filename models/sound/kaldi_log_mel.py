"""Log-mel features of Kaldi's kind, computed incrementally: Phi-4-multimodal's.

Windows of 25 ms every 10 ms, pre-emphasised one by one, samples as numbers of 16 bits, triangles on Kaldi's
mel scale up to 7,690 Hz, and natural logarithms of power that is never below 1. A frame begins with its
window and sees nothing else: once its samples have been heard it never changes. Only whole windows are frames
of the audio; less than one is heard with silence behind it.

Shapes: S samples at 16 kHz, M mel bins, F frames of 10 ms, Q frequencies.
"""

import math
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.layers.growing_rows import GrowingRows
from models.sound.audio import SAMPLE_RATE
from models.sound.log_mel import HOP, WINDOW

TRANSFORM = 512
TOP_HERTZ = 7690.0
PRE_EMPHASIS = 0.97
FULL_SCALE = 32_768.0  # of a sample


@cache
def kaldi_filters(mel_bins: int) -> Tensor:
    """(M, Q) float32, triangles of height 1 over mel from 0 to 7,690 Hz. Callers share it: do not write."""
    edges = torch.linspace(0, _mel(torch.tensor(TOP_HERTZ)).item(), mel_bins + 2, dtype=torch.float64)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    hertz = torch.arange(TRANSFORM // 2 + 1, dtype=torch.float64) * SAMPLE_RATE / TRANSFORM
    mel = _mel(hertz)
    return torch.minimum((mel - low) / (centre - low), (high - mel) / (high - centre)).clamp(min=0).float()


def _mel(hertz: Tensor) -> Tensor:
    return 1127.0 * (1.0 + hertz.double() / 700.0).log()


def kaldi_log_mel(windows: Tensor, mel_bins: int) -> Tensor:
    """(F, 400) samples -> (F, M) float32"""
    before = torch.cat([windows[:, :1], windows[:, :-1]], 1)  # the first sample stands before itself
    emphasised = (windows - PRE_EMPHASIS * before) * FULL_SCALE
    hamming = torch.hamming_window(WINDOW, periodic=False, dtype=torch.float64)
    power = torch.fft.rfft(hamming * emphasised, n=TRANSFORM).to(torch.complex64).abs() ** 2  # (F, Q)
    return (power @ kaldi_filters(mel_bins).T).clamp(min=1.0).log()


def whole_windows(samples: Tensor) -> Tensor:
    """Frames of so many samples: whole windows, but one at least where there is a sample."""
    return torch.maximum((samples - WINDOW) // HOP + 1, samples.clamp(max=1))


class KaldiLogMelStream:
    """The features of one audio stream, which grows by `append` and shrinks by `drop_before`."""

    def __init__(self, mel_bins: int) -> None:
        self.mel_bins = mel_bins
        self._samples = GrowingRows(torch.zeros(0))
        self._final = GrowingRows(torch.zeros(0, mel_bins))

    @property
    def samples(self) -> Tensor:
        """(S,) float32, until the next change."""
        return self._samples.rows

    @property
    def frames_heard(self) -> int:
        return int(whole_windows(torch.tensor(len(self.samples))))

    @property
    def frames_final(self) -> int:
        """Whole windows."""
        return max(0, (len(self.samples) - WINDOW) // HOP + 1)

    @property
    def duration_ms(self) -> float:
        return len(self.samples) * 1000 / SAMPLE_RATE

    def append(self, samples: np.ndarray) -> None:
        """Hears (n,) further samples."""
        self._samples.extend(torch.as_tensor(samples, dtype=torch.float32))
        known = len(self._final.rows)
        if self.frames_final > known:
            windows = self.samples[known * HOP :].unfold(0, WINDOW, HOP)
            self._final.extend(kaldi_log_mel(windows, self.mel_bins))

    def drop_before(self, ms: float) -> float:
        """Forget the oldest audio, as many whole hops as `ms` holds. Returns how much that was, in ms."""
        hops = min(int(ms * SAMPLE_RATE / 1000) // HOP, len(self.samples) // HOP)
        if hops <= 0:
            return 0.0
        self._samples.drop(hops * HOP)
        self._final.drop(min(hops, len(self._final.rows)))
        return hops * HOP * 1000 / SAMPLE_RATE

    def features(self, frames: int) -> Tensor:
        """(M, frames): the first ones, as if silence followed the audio."""
        result = torch.zeros(frames, self.mel_bins)  # of silence, whose power counts as 1
        final = self._final.rows[:frames]
        result[: len(final)] = final
        # Windows that begin in the audio and end behind it.
        begun = min(math.ceil(len(self.samples) / HOP), frames) - len(final)
        if begun > 0:
            rest = self.samples[len(final) * HOP :]
            windows = F.pad(rest, (0, WINDOW))[: (begun - 1) * HOP + WINDOW].unfold(0, WINDOW, HOP)
            result[len(final) : len(final) + begun] = kaldi_log_mel(windows, self.mel_bins)
        return result.T
