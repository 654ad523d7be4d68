"""REINA (Hirschkind et al. 2025, arXiv 2508.04946), and with its policy networks REINA-TAN and -SAN."""

import math
from dataclasses import dataclass

from simuleval.utils import entrypoint
from torch import Tensor

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.learned_policy import STREAMING_BEAM_SEARCH, LearnedPolicy
from agents.streaming_agent import SHIPPED_LANGUAGES, StreamingAgent
from models.errors import InputError
from models.search import DecodingStep
from models.translator import option


@dataclass(frozen=True)
class ReinaPolicy(LearnedPolicy):
    """READ while the rest of the audio would still tell the model something about the next token."""

    objective = "gain"

    threshold: float | None = option(
        None, "alpha: logit above which a row READs; smaller waits longer; default: the model's"
    )

    def __post_init__(self) -> None:
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise InputError(f"threshold must be finite, got {self.threshold}")

    def read(self, step: DecodingStep) -> Tensor:
        return step.policy_score > self.threshold


@entrypoint
class ReinaAgent(StreamingAgent):
    policy_class = ReinaPolicy
    defaults = {"model": "reina-mini"} | SHIPPED_LANGUAGES | STREAMING_BEAM_SEARCH
