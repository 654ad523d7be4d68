"""Clips as a stream's memory holds them at run time: with silence behind, old frames frozen.

The runtime's own encoder hears them, each as a stream that has just come to the clip's end. So a policy
learns from exactly those states that it will see.

Shapes: B clips, T memory frames, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.sound.log_mel import HOP
from models.translator import Memory, TranslatorOptions
from models.whisper.front_end import STRIDE
from models.whisper.hearing import FrameLayout, Hearing
from models.whisper.network import SpeechDimensions, SpeechModel
from models.whisper.speech_stream import SpeechStream
from models.whisper.streaming_encoder import SpeechEncoder

HEARING_OPTIONS = ("trailing_silence_ms", "dense_silence_ms", "silence_stride", "frozen_after_s")


class HearingOptions(Protocol):
    """A configuration that says how clips are heard, by the names of TranslatorOptions."""

    trailing_silence_ms: int | None
    dense_silence_ms: int | None
    silence_stride: int | None
    frozen_after_s: float | None


def asked_hearing(options: HearingOptions, usual: Hearing) -> Hearing:
    """`usual`, but for what options say. Raises InputError for numbers out of range."""
    return usual.chosen(TranslatorOptions(**{name: getattr(options, name) for name in HEARING_OPTIONS}))


@dataclass(frozen=True)
class TrainingHearing:
    """What a translator in training hears, and how far its window reaches."""

    hearing: Hearing
    window_frames: int  # feature frames

    @classmethod
    def of(cls, hearing: Hearing, dimensions: SpeechDimensions) -> "TrainingHearing":
        return cls(hearing, STRIDE * dimensions.n_audio_ctx)

    def layout(self, samples: int) -> FrameLayout:
        """Of a clip of so many samples."""
        return self.hearing.layout(-(-samples // HOP), self.window_frames)

    def log_counts(self, samples: Sequence[int]) -> Tensor | None:
        """(B, T), as of `Memory`, of clips of so many samples; None where no frame stands for several."""
        layouts = [self.layout(one) for one in samples]
        if all(layout.log_counts is None for layout in layouts):
            return None
        rows = [
            torch.zeros(len(layout)) if layout.log_counts is None else layout.log_counts for layout in layouts
        ]
        return pad_sequence(rows, batch_first=True)


class ClipEncoder:
    """The encoder of a frozen translator, in float32."""

    def __init__(self, model: SpeechModel, hearing: Hearing, device: torch.device) -> None:
        self._mel_bins = model.dimensions.n_mels
        self._encoder = SpeechEncoder(model, hearing, device, torch.float32, torch.float32)

    def encode(self, clips: Sequence[Tensor]) -> Memory:
        """The memory of B clips (n,), float32 at 16 kHz, each a stream that has heard so much."""
        return self.hear([self.open(clip) for clip in clips], [len(clip) for clip in clips])

    def open(self, clip: Tensor) -> "HeardClip":
        """A stream that has heard nothing of the clip (n,) yet."""
        return HeardClip(clip, SpeechStream(self._mel_bins))

    @torch.no_grad()
    def hear(self, clips: "Sequence[HeardClip]", samples: Sequence[int]) -> Memory:
        """The memory of B clips, each heard up to so many samples, which are more than before.

        That of a single clip is valid until it is heard further.
        """
        for clip, end in zip(clips, samples, strict=True):
            clip.hear(end)
        device = self._encoder.device.type
        # Frames are those of the runtime, whatever the policy's own numbers are.
        with torch.autocast(device, enabled=False):
            return self._encoder.encode([clip.stream for clip in clips])


@dataclass
class HeardClip:
    """A clip that is heard bit by bit."""

    clip: Tensor  # (n,) float32 at 16 kHz
    stream: SpeechStream
    heard: int = 0  # samples

    def hear(self, samples: int) -> None:
        self.stream.append(self.clip[self.heard : samples])
        self.heard = samples
