"""Log-mel features as torchaudio's MelSpectrogram gives them, scaled as Whisper's: Granite-speech's.

Windows of 25 ms every 10 ms in a Fourier transform of 512 points, triangular filters on the HTK scale, of
unit height. Both ends of the audio are reflected, so that the last frames are others with every chunk.

Shapes: S samples at 16 kHz, M mel bins, F frames of 10 ms, Q frequencies.
"""

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor

from models.layers.growing_rows import GrowingRows
from models.sound.audio import SAMPLE_RATE
from models.sound.log_mel import DECADES, HOP, WINDOW

TRANSFORM = 512
SHORTEST = (
    3 * HOP
)  # samples: less cannot be reflected by half a transform, and is heard with silence behind it


@cache
def htk_filters(mel_bins: int) -> Tensor:
    """(M, Q) float32, triangles of unit height from 0 to 8 kHz. Callers share it: do not write."""
    top = 2595 * math.log10(1 + SAMPLE_RATE / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, mel_bins + 2, dtype=torch.float64) / 2595) - 1)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    hertz = torch.linspace(0, SAMPLE_RATE / 2, TRANSFORM // 2 + 1, dtype=torch.float64)
    return (
        torch.minimum((hertz - low) / (centre - low), (high - hertz) / (high - centre)).clamp(min=0).float()
    )


def reflected_log_mel(samples: Tensor, mel_bins: int) -> Tensor:
    """(S,) float32 -> (F, M), with F = 1 + S // 160."""
    samples = torch.nn.functional.pad(samples, (0, max(0, SHORTEST - len(samples))))
    window = torch.hann_window(WINDOW)
    spectrum = torch.stft(samples, TRANSFORM, HOP, WINDOW, window, return_complex=True)  # (Q, F)
    values = (htk_filters(mel_bins) @ spectrum.abs() ** 2).clamp(min=1e-10).log10().T
    return torch.maximum(values, values.max() - DECADES) / 4 + 1


class ReflectedLogMelStream:
    """The audio of one stream, of which all features are computed when they are asked for."""

    def __init__(self, mel_bins: int) -> None:
        self.mel_bins = mel_bins
        self._samples = GrowingRows(torch.zeros(0))

    @property
    def samples(self) -> Tensor:
        """(S,) float32, until the next change."""
        return self._samples.rows

    @property
    def frames_heard(self) -> int:
        """Whole and begun hops."""
        return -(-len(self.samples) // HOP)

    @property
    def duration_ms(self) -> float:
        return len(self.samples) * 1000 / SAMPLE_RATE

    def append(self, samples: np.ndarray) -> None:
        """Hears (n,) further samples."""
        self._samples.extend(torch.as_tensor(samples, dtype=torch.float32))

    def drop_before(self, ms: float) -> float:
        """Forget the oldest audio, as many whole hops as `ms` holds. Returns how much that was, in ms."""
        hops = min(int(ms * SAMPLE_RATE / 1000) // HOP, len(self.samples) // HOP)
        if hops <= 0:
            return 0.0
        self._samples.drop(hops * HOP)
        return hops * HOP * 1000 / SAMPLE_RATE
