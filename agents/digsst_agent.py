"""DiG-SST (Chen et al. 2024, "Divergence-Guided Simultaneous Speech Translation")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.learned_policy import STREAMING_BEAM_SEARCH, LearnedPolicy
from agents.policy import Knob
from agents.streaming_agent import StreamingAgent, entrypoint
from foundation.options import option
from models.decoding.step import DecodingStep

if TYPE_CHECKING:  # options are read before torch is imported
    from torch import Tensor


@dataclass(frozen=True)
class DigSstPolicy(LearnedPolicy):
    """WRITE once the rest of the audio would hardly change what the model is about to say."""

    objective = "divergence"
    knob = Knob("threshold", 0.002, 0.69)

    threshold: float | None = option(
        None,
        "The policy waits above this divergence, 0 to 0.69; smaller waits longer; default: the model's.",
        at_least=0,
    )

    def score(self, step: DecodingStep) -> Tensor:
        from models.policy.network import predicted_divergence  # brings torch, which options do not need

        return predicted_divergence(step.policy_score)


@entrypoint
class DigSstAgent(StreamingAgent):
    policy_class = DigSstPolicy
    defaults = STREAMING_BEAM_SEARCH
