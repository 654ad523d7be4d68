"""REINA (Hirschkind et al. 2025, arXiv 2508.04946), and with its policy networks REINA-TAN and -SAN."""

from __future__ import annotations

from dataclasses import dataclass

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.learned_policy import STREAMING_BEAM_SEARCH, LearnedPolicy
from agents.policy import Knob
from agents.streaming_agent import SHIPPED_LANGUAGES, StreamingAgent, entrypoint
from foundation.options import option


@dataclass(frozen=True)
class ReinaPolicy(LearnedPolicy):
    """READ while the rest of the audio would still tell the model something about the next token."""

    objective = "gain"
    knob = Knob("threshold", -8.0, 8.0)

    threshold: float | None = option(
        None, "The policy waits above this logit; a smaller one waits longer; default: the model's."
    )


@entrypoint
class ReinaAgent(StreamingAgent):
    policy_class = ReinaPolicy
    defaults = {"model": "reina-mini"} | SHIPPED_LANGUAGES | STREAMING_BEAM_SEARCH
