"""What rows of an audio-language model's decoder carry from step to step.

Shapes: R rows, P places of a pass, T audio frames.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.audio_language.audio_attention import AudioAttention
from models.layers.row_cache import TokenCache
from models.layers.transfers import to_device
from models.translator import DecoderState


class AudioLanguageState(DecoderState):
    """Keys and values of R rows, and where the audio stands in each."""

    def __init__(
        self,
        cache: TokenCache,
        heads: Sequence[tuple[int, int]],
        audio_starts: Tensor,
        audio_lengths: Tensor,
        frames: int,
    ) -> None:
        """heads: (layer, head) pairs whose attention is reported.

        audio_starts and audio_lengths (R,), on the host.
        """
        self.cache = cache
        self.heads = tuple(heads)
        self.audio_starts = audio_starts
        self.audio_lengths = audio_lengths
        self.frames = frames

    def select(self, rows: Tensor) -> None:
        # What was stored in inference mode can be changed in it only.
        with torch.inference_mode(self.audio_starts.is_inference()):
            self.cache.select(rows)
            self.audio_starts = self.audio_starts[rows]
            self.audio_lengths = self.audio_lengths[rows]

    def resume(self, rows: Tensor, dropped: Tensor) -> None:
        with torch.inference_mode(self.audio_starts.is_inference()):
            self.cache.resume(rows, dropped)
            self.audio_starts = self.audio_starts[rows]
            self.audio_lengths = self.audio_lengths[rows]

    def watch(self, rows: Tensor, places: Tensor) -> AudioAttention | None:
        """What is to see the coming pass at some of its positions: rows and places (P,) each."""
        if not self.heads:
            return None
        watched = rows, places, self.audio_starts[rows], self.audio_lengths[rows]
        there = (to_device(one, self.cache.device) for one in watched)
        return AudioAttention(self.heads, *there, self.frames)
