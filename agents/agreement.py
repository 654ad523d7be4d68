"""Agreement between chunks: what the last n chunks would all have written is written.

Local agreement (Liu et al. 2020, Polák et al. 2022) is this over whole hypotheses. A policy that reads within
the search trusts one hypothesis: where a word was half heard, the model is often as sure of a wrong one, more
audio promises no gain, and the score says WRITE. The next chunk hears the rest of the word and says another.
With two agreeing chunks a token is written only if the score said WRITE in both and both had the token.
"""

from collections import deque
from dataclasses import dataclass

from agents.policy import Policy, StreamView
from foundation.options import option
from models.decoding.hypotheses import Hypothesis


@dataclass(frozen=True, kw_only=True)
class AgreeingPolicy(Policy):
    """A policy of which several chunks in a row may have to agree; by default the last one decides alone."""

    agreeing_chunks: int | None = option(
        None,
        "This many chunks in a row must allow a token before it is written; more wait longer; default: "
        "what the policy.json of the model says, or 1.",
        at_least=1,
        at_most=100_000,
    )

    def open_memory(self) -> deque[tuple[int, ...]]:
        """What each of the last n - 1 chunks had committed or would have: tokens of the window."""
        return deque(maxlen=(self.agreeing_chunks or 1) - 1)

    def forget(self, memory: deque[tuple[int, ...]], tokens: int) -> None:
        for _ in range(len(memory)):
            memory.append(memory.popleft()[tokens:])

    def commit(self, hypothesis: Hypothesis, stream: StreamView) -> int:
        current, earlier = (*stream.committed, *hypothesis.tokens), list(stream.memory)
        complete = len(earlier) == stream.memory.maxlen
        stream.memory.append(current)
        if not complete:
            return 0
        agreed = 0
        for place, token in enumerate(current):
            if any(place >= len(other) or other[place] != token for other in earlier):
                break
            agreed += 1
        return max(0, agreed - len(stream.committed))
