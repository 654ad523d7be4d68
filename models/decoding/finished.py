"""What the streams of a search have finished, on the host, and which hypothesis of each is the best.

Shapes: S streams, R rows, n tokens written in this chunk.
"""

import torch
from torch import Tensor

from models.decoding.hypotheses import Hypothesis


class FinishedHypotheses:
    """What S streams have finished; the search of a stream is over once that is more than enough."""

    def __init__(self, streams: int, enough: float) -> None:
        self._enough = enough
        self._best: list[Hypothesis | None] = [None] * streams
        self._counts = torch.zeros(streams, dtype=torch.int64)
        # (S,) the average of each stream's best hypothesis so far; minus infinity before there is one.
        self.average_log_probabilities = torch.full((streams,), -torch.inf)

    @property
    def over(self) -> Tensor:
        """(S,) bool"""
        return self._counts > self._enough

    def keep(self, streams: Tensor, tokens: Tensor, averages: Tensor, next_tokens: Tensor) -> None:
        """Rows that are finished: streams (R,), tokens (R, n), averages and next_tokens (R,)."""
        first = self._counts[streams] == 0
        better = (first | (averages > self.average_log_probabilities[streams])).nonzero()[:, 0]
        self._counts.index_add_(0, streams, torch.ones_like(streams))
        self.average_log_probabilities.scatter_reduce_(0, streams, averages, "amax")
        rows = (one[better].tolist() for one in (streams, tokens, averages, next_tokens))
        for stream, written, average, next_token in zip(*rows, strict=True):
            best = self._best[stream]
            if best is None or average > best.average_log_probability:
                self._best[stream] = Hypothesis(tuple(written), average, next_token)

    def best(self) -> list[Hypothesis]:
        """Of each stream, all of which have finished some; of equally good ones the first."""
        return list(self._best)
