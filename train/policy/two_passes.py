"""What a frozen translator says about the same targets with part of the audio, and with all of it.

Shapes: B clips, T memory frames, N tokens, D width, V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.whisper.network import SpeechModel


@dataclass(frozen=True)
class TwoPasses:
    """What two passes over the same text give, all of it without gradient."""

    hidden: Tensor  # (B, N, D) hidden states of the truncated pass: what the policy network sees
    partial_logits: Tensor  # (B, N, V) with the audio so far
    full_logits: Tensor  # (B, N, V) with all audio


@torch.no_grad()
def two_passes(
    model: SpeechModel,
    partial: tuple[Tensor, Tensor],
    full: tuple[Tensor, Tensor],
    tokens: Tensor,
) -> TwoPasses:
    """Run both passes. partial, full: memories (B, T, D) as `model.hear` gives them, and lengths (B,).

    The partial one is that of the cropped waveform (`train.data.truncation`). tokens (B, N) start with the
    prompt; position n predicts token n + 1. Raises ValueError for a model in training mode: its
    dropout would look like information.
    """
    if model.training:
        raise ValueError("the translator must be in evaluation mode: call model.eval()")
    hidden = model.decoder.teacher_force(*partial, tokens)
    everything = model.decoder.teacher_force(*full, tokens)
    return TwoPasses(hidden, model.decoder.logits(hidden), model.decoder.logits(everything))
