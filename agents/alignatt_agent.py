"""AlignAtt (Papi et al. 2023, arXiv 2305.11408)."""

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
class AlignAttPolicy(AgreeingPolicy):
    """Stop before the first token whose most-attended frame is among the newest."""

    needs_attention = True
    reads_where = operator.ge
    knob = Knob("recent_frames", 1, 150)

    recent_frames: int = option(
        4,
        "This many frames at the end of the audio count as newest (the paper's f); more wait longer.",
        at_least=1,
        at_most=100_000,
    )

    def score(self, step: DecodingStep) -> Tensor:
        # The most-attended frame, counted back from the end of the audio: the last one is -1.
        return step.attention.argmax(-1) - step.frame_lengths

    @property
    def score_limit(self) -> int:
        return -self.recent_frames


@entrypoint
class AlignAttAgent(StreamingAgent):
    policy_class = AlignAttPolicy
