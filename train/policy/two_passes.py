"""What a frozen translator says about the same targets with part of the audio, and with all of it.

Shapes: B clips, T memory frames, N tokens, D width, V vocabulary.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from models.whisper.network import SpeechModel


class Heard(NamedTuple):
    """What the decoder listens to: memories as the translator's encoder gives them when it runs."""

    frames: Tensor  # (B, T, D)
    lengths: Tensor  # (B,)
    log_counts: Tensor | None = None  # (B, T): of `models.translator.Memory`


@dataclass(frozen=True)
class TwoPasses:
    """What two passes over the same text give, all of it without gradient."""

    hidden: Tensor  # (B, N, D) hidden states of the truncated pass: what the policy network sees
    partial_logits: Tensor  # (B, N, V) with the audio so far
    full_logits: Tensor  # (B, N, V) with all audio


@torch.no_grad()
def two_passes(
    model: SpeechModel,
    partial: Heard,
    full: Heard,
    tokens: Tensor,
) -> TwoPasses:
    """Run both passes.

    The partial memory is that of the cropped waveform (`train.data.truncation`). tokens (B, N) start with the
    prompt; position n predicts token n + 1. Raises ValueError for a model in training mode: its
    dropout would look like information.
    """
    if model.training:
        raise ValueError("the translator must be in evaluation mode: call model.eval()")
    decoder = model.decoder
    hidden = decoder.teacher_force(partial.frames, partial.lengths, tokens, partial.log_counts)
    everything = decoder.teacher_force(full.frames, full.lengths, tokens, full.log_counts)
    return TwoPasses(hidden, model.decoder.logits(hidden), model.decoder.logits(everything))
