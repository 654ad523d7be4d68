"""What stands in front of an audio encoder: the features it hears, and how many frames it makes of them.

Shapes: M mel bins, S samples at 16 kHz, F feature frames of 10 ms.
"""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor

from models.sound.log_mel import HOP, HOP_MS, log_mel_spectrogram

STRIDE = 2  # the encoder's second convolution halves the frame rate
FRAME_MS = float(HOP_MS * STRIDE)  # one frame of the encoder's output
Lengths = TypeVar("Lengths", int, Tensor)


def memory_frames(lengths: Lengths) -> Lengths:
    """The frames that Whisper's encoder gives for feature frames, a number or a tensor: ceil(lengths / 2)."""
    return -(-lengths // STRIDE)


class FrontEnd(Protocol):
    """What training asks of a model beside its network. Small: it goes to the processes that read data."""

    mel_bins: int

    @property
    def frame_ms(self) -> float:
        """How long one memory frame is."""

    def features(self, samples: Tensor, silence_ms: int = 0) -> Tensor:
        """(S,) float32 -> (M, F), as the encoder hears a whole clip with so much silence behind it."""

    def memory_frames(self, lengths: Lengths) -> Lengths:
        """The memory frames that the encoder gives for so many feature frames."""


@dataclass(frozen=True)
class WhisperFrontEnd:
    """Whisper's, and that of all encoders like it."""

    mel_bins: int
    frame_ms: float = FRAME_MS

    def features(self, samples: Tensor, silence_ms: int = 0) -> Tensor:
        return log_mel_spectrogram(samples, self.mel_bins, -(-len(samples) // HOP) + silence_ms // HOP_MS)

    def memory_frames(self, lengths: Lengths) -> Lengths:
        return memory_frames(lengths)
