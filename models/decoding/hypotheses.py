"""What a search has finished: new tokens of a stream, and which of several is the best.

Shapes: R rows, n tokens written in this chunk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # options are read before torch is imported
    from torch import Tensor


@dataclass(frozen=True)
class Hypothesis:
    """New tokens for one stream."""

    tokens: tuple[int, ...]
    average_log_probability: float
    next_token: int  # the likeliest continuation: tells whether the last word is complete


@dataclass
class FinishedHypotheses:
    """The finished hypotheses of one stream; its search is over once there are more than enough."""

    enough: float
    hypotheses: list[Hypothesis] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return len(self.hypotheses) > self.enough

    @property
    def average_log_probability(self) -> float:
        """The average of the best hypothesis so far; minus infinity before there is one."""
        return self.best().average_log_probability if self.hypotheses else -math.inf

    def best(self) -> Hypothesis:
        return max(self.hypotheses, key=lambda hypothesis: hypothesis.average_log_probability)


def keep_finished(
    finished: Sequence[FinishedHypotheses],
    streams: Tensor,
    tokens: Tensor,
    averages: Tensor,
    next_tokens: Tensor,
) -> None:
    """Give finished rows to their streams: streams (R,), tokens (R, n), averages and next_tokens (R,)."""
    rows = zip(streams.tolist(), tokens.tolist(), averages.tolist(), next_tokens.tolist(), strict=True)
    for stream, written, average, next_token in rows:
        finished[stream].hypotheses.append(Hypothesis(tuple(written), average, next_token))
