"""What a search shows of one of its steps: to policies, which say READ, and to whoever looks on.

What was written and decided before the step is on the host; what the model says is where the model runs. A
policy that leaves it there makes nobody wait for a GPU.

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
    streams: Tensor  # (R,) on the host: which request each row belongs to
    tokens: Tensor  # (R, n) on the host: tokens written in this chunk
    policy_score: Tensor | None = None  # (R,) float32 of the model's policy network, if it has one
    limited: Tensor | None = None  # (R,) bool: rows that stop at a limit of words, whatever a policy says

    def select(self, rows: Tensor) -> DecodingStep:
        """The same step for some rows only. rows: (R',) int64, on the host."""
        return SelectedStep(self, rows, self.streams[rows])


def _gathered(name: str) -> cached_property:
    def gather(step: SelectedStep) -> Tensor | None:
        value = getattr(step.whole, name)
        if value is None or step.takes_all:
            return value
        return value[step.rows if name == "tokens" else step.rows_there]

    return cached_property(gather)


class SelectedStep(DecodingStep):
    """Rows of another step. What nobody looks at is never copied: log-probabilities are the most of it."""

    def __init__(
        self, whole: DecodingStep, rows: Tensor, streams: Tensor, limited: Tensor | None = None
    ) -> None:
        """rows (R,) of `whole`, and the streams (R,) that they belong to, both on the host.

        limited (R,): of these rows, where those of `whole` do not know.
        """
        vars(self).update(whole=whole, rows=rows, streams=streams)
        if limited is not None:
            vars(self).update(limited=limited)

    @cached_property
    def takes_all(self) -> bool:
        """Whether they are all of its rows, in order."""
        from models.decoding.beams import is_identity  # brings torch, which options do not need

        return is_identity(self.rows, len(self.whole.tokens))

    @cached_property
    def rows_there(self) -> Tensor:
        """(R,) where the model runs."""
        from models.layers.transfers import to_device  # see takes_all

        return to_device(self.rows, self.whole.hidden.device)

    log_probabilities = _gathered("log_probabilities")
    hidden = _gathered("hidden")
    attention = _gathered("attention")
    frame_lengths = _gathered("frame_lengths")
    tokens = _gathered("tokens")
    policy_score = _gathered("policy_score")
    limited = _gathered("limited")


# (R,) bool, where the model runs: rows that must hear more before they write their next token.
ReadHook = Callable[[DecodingStep], "Tensor"]
# Sees every live row of a step, also those that no policy is asked about.
ObserveHook = Callable[[DecodingStep], None]
