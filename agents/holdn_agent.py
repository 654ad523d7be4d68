"""Hold-n (Liu et al. 2020): write all but the last n tokens of each new hypothesis."""

from dataclasses import dataclass

from simuleval.utils import entrypoint

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.policy import Policy, StreamView
from agents.streaming_agent import StreamingAgent
from models.errors import InputError
from models.search import Hypothesis
from models.translator import option


@dataclass(frozen=True)
class HoldNPolicy(Policy):
    """The end of a hypothesis is what more audio would change."""

    held_tokens: int = option(4, "n: newest tokens that are not written; larger waits longer")

    def __post_init__(self) -> None:
        if self.held_tokens < 0:
            raise InputError(f"held tokens must be 0 or more, got {self.held_tokens}")

    def commit(self, hypothesis: Hypothesis, stream: StreamView) -> int:
        return max(0, len(hypothesis.tokens) - self.held_tokens)


@entrypoint
class HoldNAgent(StreamingAgent):
    policy_class = HoldNPolicy
