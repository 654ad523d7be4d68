"""Local agreement (LA-n; Liu et al. 2020, Polák et al. 2022): write what the last n hypotheses share."""

from collections import deque
from dataclasses import dataclass

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.policy import Knob, Policy, StreamView
from agents.streaming_agent import StreamingAgent, entrypoint
from foundation.options import option
from models.decoding.hypotheses import Hypothesis


@dataclass(frozen=True)
class LocalAgreementPolicy(Policy):
    """Commit the longest common prefix of the hypotheses of the last n chunks."""

    knob = Knob("agreeing_chunks", 1, 8)

    agreeing_chunks: int = option(
        2, "This many hypotheses in a row must agree; more wait longer.", at_least=1, at_most=100_000
    )

    def open_memory(self) -> deque[tuple[int, ...]]:
        """Whole hypotheses (committed and new tokens) of the last n - 1 chunks."""
        return deque(maxlen=self.agreeing_chunks - 1)

    def forget(self, memory: deque[tuple[int, ...]], tokens: int) -> None:
        for _ in range(len(memory)):
            memory.append(memory.popleft()[tokens:])

    def commit(self, hypothesis: Hypothesis, stream: StreamView) -> int:
        current = (*stream.committed, *hypothesis.tokens)
        earlier = list(stream.memory)
        stream.memory.append(current)
        if len(earlier) < self.agreeing_chunks - 1:
            return 0
        agreed = 0
        for place, token in enumerate(current):
            if any(place >= len(other) or other[place] != token for other in earlier):
                break
            agreed += 1
        return max(0, agreed - len(stream.committed))


@entrypoint
class LocalAgreementAgent(StreamingAgent):
    policy_class = LocalAgreementPolicy
