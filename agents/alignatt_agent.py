"""AlignAtt (Papi et al. 2023, arXiv 2305.11408)."""

from dataclasses import dataclass

from simuleval.utils import entrypoint
from torch import Tensor

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.policy import Policy
from agents.streaming_agent import StreamingAgent
from models.errors import InputError
from models.search import DecodingStep
from models.translator import option


@dataclass(frozen=True)
class AlignAttPolicy(Policy):
    """Stop before the first token whose most-attended frame is among the newest."""

    needs_attention = True

    recent_frames: int = option(
        4, "f: frames at the end of the audio that count as newest; larger waits longer"
    )

    def __post_init__(self) -> None:
        if self.recent_frames < 1:
            raise InputError(f"AlignAtt needs at least 1 recent frame, got {self.recent_frames}")

    def read(self, step: DecodingStep) -> Tensor:
        return self.score(step) >= self.score_limit

    def score(self, step: DecodingStep) -> Tensor:
        # The most-attended frame, counted back from the end of the audio: the last one is -1.
        return step.attention.argmax(-1) - step.frame_lengths

    @property
    def score_limit(self) -> int:
        return -self.recent_frames


@entrypoint
class AlignAttAgent(StreamingAgent):
    policy_class = AlignAttPolicy
