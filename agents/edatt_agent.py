"""EDAtt (Papi et al. 2023, "Attention as a guide for simultaneous speech translation")."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.agreement import AgreeingPolicy
from agents.policy import Knob
from agents.streaming_agent import StreamingAgent, entrypoint
from foundation.options import option
from models.decoding.step import DecodingStep

if TYPE_CHECKING:  # options are read before torch is imported
    from torch import Tensor


@dataclass(frozen=True)
class EDAttPolicy(AgreeingPolicy):
    """Stop before the first token whose attention leans on the newest audio."""

    needs_attention = True
    reads_where = operator.ge
    knob = Knob("alpha", 0.01, 1.0)

    alpha: float = option(
        0.1,
        "The policy waits from this attention on the newest frames on; a smaller one waits longer.",
        above=0,
        at_most=1,
    )
    newest_frames: int = option(
        2, "This many frames at the end of the audio count as newest (lambda).", at_least=1, at_most=100_000
    )

    def score(self, step: DecodingStep) -> Tensor:
        import torch  # with the model, not with the options

        frames = torch.arange(step.attention.shape[1], device=step.attention.device)
        newest = frames >= step.frame_lengths[:, None] - self.newest_frames  # (R, T)
        return (step.attention * newest).sum(-1)

    @property
    def score_depends_on(self) -> int:
        return self.newest_frames

    @property
    def score_limit(self) -> float:
        return self.alpha


@entrypoint
class EDAttAgent(StreamingAgent):
    policy_class = EDAttPolicy
