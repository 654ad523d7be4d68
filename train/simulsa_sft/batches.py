"""Pairs of a clip and its text as an audio-language model is trained on them.

Prompts and texts stay lists of tokens: where they stand among the frames is the model's affair.

Shapes: T audio frames, W width of the encoder.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.audio_language.tokenizer import AudioPrompt
from train.data.batches import Moved
from train.data.examples import Example


@dataclass
class AudioTextBatch(Moved):
    """B pairs. Of each clip there is either the waveform or what the encoder made of it."""

    ids: list[str]
    prompts: list[AudioPrompt]
    targets: list[list[int]]  # the text, and its end where that is learned
    waveforms: list[np.ndarray | None]  # (n,) float32 at 16 kHz, as far as the clip is heard
    cached: list[Tensor | None]  # (T, W) float16


@dataclass(frozen=True)
class AudioTextCollation:
    """Makes batches of pairs (`train.data.batch_reader`)."""

    audio_token: int
    end_of_sequence: int
    most_frames: int | None = None  # feature frames of the encoder's window; None: any number

    def batch(self, speech: Sequence[Example], texts: Sequence[Example], epoch: int) -> AudioTextBatch:
        """There are no texts without speech, and nothing depends on the epoch."""
        return AudioTextBatch(
            ids=[pair.id for pair in speech],
            prompts=[self._prompt(pair) for pair in speech],
            targets=[[*pair.text.tolist(), *([self.end_of_sequence] * pair.ends)] for pair in speech],
            waveforms=[pair.waveform(self.most_frames) if pair.cached is None else None for pair in speech],
            cached=[None if pair.cached is None else _frames(pair) for pair in speech],
        )

    def _prompt(self, pair: Example) -> AudioPrompt:
        place = pair.prompt.index(self.audio_token)
        return AudioPrompt(pair.prompt[:place], pair.prompt[place + 1 :])


def _frames(pair: Example) -> Tensor:
    """The clip's whole version: a truncated clip is whole in the cache of its manifest."""
    return torch.from_numpy(np.array(pair.cached.frames_of(0)))
