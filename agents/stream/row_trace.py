"""Numbers of a search's rows, traced to the hypotheses that it chose: for decisions, logs and reports.

Shapes: S streams, R rows, n tokens written in this chunk, N the most of them, T memory frames.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.decoding.hypotheses import Hypothesis
from models.decoding.step import DecodingStep
from models.layers.transfers import to_host


@dataclass
class RowTrace:
    """Keeps a number, or several, of each row at each step of a search until its hypotheses are known.

    That may be a policy's score, whether it READs, the frame that the row attends to most, or its attention
    to all of them. A row is known by its stream and by its tokens, so no one has to follow rows through the
    beam.
    """

    steps: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)

    def add(self, step: DecodingStep, values: Tensor) -> None:
        """values (R,) or (R, T), where the model runs; NaN for rows that have none."""
        self.steps.append((step.streams, step.tokens, values.float()))

    def of(self, hypotheses: Sequence[Hypothesis]) -> list[list[float | None]]:
        """For each stream the number before each token of its hypothesis and the last one; None: not kept.

        Nothing waits for the device before the end.
        """
        lengths = [len(hypothesis.tokens) for hypothesis in hypotheses]
        if not self.steps:
            return [[None] * (length + 1) for length in lengths]
        return [
            [None if math.isnan(value) else value for value in row[: length + 1]]
            for row, length in zip(self._found(hypotheses).tolist(), lengths, strict=True)
        ]

    def vectors_of(self, hypotheses: Sequence[Hypothesis]) -> list[Tensor]:
        """As `of` where values are (R, T): for each stream (n + 1, T), on the host; NaN: not kept."""
        if not self.steps:
            return [torch.empty(len(one.tokens) + 1, 0) for one in hypotheses]
        found = self._found(hypotheses)
        return [row[: len(one.tokens) + 1] for row, one in zip(found, hypotheses, strict=True)]

    def _found(self, hypotheses: Sequence[Hypothesis]) -> Tensor:
        """(S, N + 2, ...): the values on each stream's path; the last place takes those of other rows."""
        longest = max(
            *(len(one.tokens) for one in hypotheses), *(tokens.shape[1] for _, tokens, _ in self.steps)
        )
        chosen = torch.tensor(
            [[*one.tokens, *[-1] * (longest - len(one.tokens))] for one in hypotheses],
            dtype=torch.int64,
        ).reshape(len(hypotheses), longest)  # (S, N)
        [kept] = to_host(torch.cat([values for *_, values in self.steps]))
        found = torch.full((len(hypotheses), longest + 2, *kept.shape[1:]), math.nan)
        kept = kept.split([len(streams) for streams, *_ in self.steps])
        for (streams, tokens, _), values in zip(self.steps, kept, strict=True):
            written = tokens.shape[1]
            on_path = (chosen[streams, :written] == tokens).all(1)  # (R,)
            found[streams, torch.where(on_path, written, longest + 1)] = values
        return found
