"""Hold-n (Liu et al. 2020): write all but the last n tokens of each new hypothesis."""

from dataclasses import dataclass

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.policy import Knob, Policy, StreamView
from agents.streaming_agent import StreamingAgent, entrypoint
from foundation.options import option
from models.decoding.hypotheses import Hypothesis


@dataclass(frozen=True)
class HoldNPolicy(Policy):
    """The end of a hypothesis is what more audio would change."""

    knob = Knob("held_tokens", 0, 32)

    held_tokens: int = option(
        4, "The newest n tokens are not written; more wait longer.", at_least=0, at_most=100_000
    )

    def commit(self, hypothesis: Hypothesis, stream: StreamView) -> int:
        return max(0, len(hypothesis.tokens) - self.held_tokens)


@entrypoint
class HoldNAgent(StreamingAgent):
    policy_class = HoldNPolicy
