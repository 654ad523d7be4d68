"""DiG-SST (Chen et al. 2024, "Divergence-Guided Simultaneous Speech Translation")."""

from dataclasses import dataclass

from simuleval.utils import entrypoint
from torch import Tensor

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.learned_policy import STREAMING_BEAM_SEARCH, LearnedPolicy
from agents.streaming_agent import StreamingAgent
from models.errors import InputError
from models.policy_network import predicted_divergence
from models.search import DecodingStep
from models.translator import option


@dataclass(frozen=True)
class DigSstPolicy(LearnedPolicy):
    """WRITE once the rest of the audio would hardly change what the model is about to say."""

    objective = "divergence"

    threshold: float | None = option(
        None, "divergence above which a row READs, 0 to 0.69; smaller waits longer; default: the model's"
    )

    def __post_init__(self) -> None:
        if self.threshold is not None and not self.threshold >= 0:
            raise InputError(f"threshold must be 0 or more, got {self.threshold}")

    def read(self, step: DecodingStep) -> Tensor:
        return predicted_divergence(step.policy_score) > self.threshold


@entrypoint
class DigSstAgent(StreamingAgent):
    policy_class = DigSstPolicy
    defaults = STREAMING_BEAM_SEARCH
