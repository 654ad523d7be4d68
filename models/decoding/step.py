"""What a search shows of one of its steps: to policies, which say READ, and to whoever looks on.

Shapes: R live rows, M rows of the model, n tokens written in this chunk, V vocabulary, T memory frames,
D width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # options are read before torch is imported
    from torch import Tensor


@dataclass(frozen=True)
class DecodingStep:
    """What is known before the next token of each live row is chosen."""

    log_probabilities: Tensor  # (R, V) float32
    hidden: Tensor  # (R, D) last hidden state of the decoder
    attention: Tensor | None  # (R, T) cross-attention over the frames that hold audio, else zero
    frame_lengths: Tensor  # (R,) memory frames that hold audio
    streams: Tensor  # (R,) which request each row belongs to
    tokens: Tensor  # (R, n) tokens written in this chunk
    policy_score: Tensor | None = None  # (R,) float32 of the model's policy network, if it has one

    def select(self, rows: Tensor) -> DecodingStep:
        """The same step for some rows only. rows: (R',) int64."""
        return SelectedStep(self, rows, self.streams[rows])


def _gathered(name: str) -> cached_property:
    def gather(step: SelectedStep) -> Tensor | None:
        value = getattr(step.whole, name)
        return None if value is None else value[step.rows]

    return cached_property(gather)


class SelectedStep(DecodingStep):
    """Rows of another step. What nobody looks at is never copied: log-probabilities are the most of it."""

    def __init__(self, whole: DecodingStep, rows: Tensor, streams: Tensor) -> None:
        """rows (R,) of `whole`, and the streams (R,) that they belong to."""
        vars(self).update(whole=whole, rows=rows, streams=streams)

    log_probabilities = _gathered("log_probabilities")
    hidden = _gathered("hidden")
    attention = _gathered("attention")
    frame_lengths = _gathered("frame_lengths")
    tokens = _gathered("tokens")
    policy_score = _gathered("policy_score")


# (R,) bool: rows that must hear more before they write their next token.
ReadHook = Callable[[DecodingStep], "Tensor"]
# Sees every live row of a step, also those that no policy is asked about.
ObserveHook = Callable[[DecodingStep], None]
