"""The policy: scores in, READ or WRITE out. No model, no audio, no files.

A policy is a frozen dataclass: its fields are its options on the command line and in YAML. It
overrides those of the three hooks that it needs; what it must remember about one stream lives in an
object that `open_memory` makes, never in the policy. While audio is still to come the hooks decide
what is written; once it has ended everything left is written and no hook is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from foundation.options import check_options
from models.decoding.hypotheses import Hypothesis
from models.decoding.step import DecodingStep

if TYPE_CHECKING:  # options are read before torch is imported
    from torch import Tensor

    from models.translator import Translator


@dataclass(frozen=True)
class StreamView:
    """What a policy may know about one stream."""

    # All of the window: where a history forgets, what it has forgotten counts no more.
    heard_ms: float  # source audio that has arrived
    units_written: int  # words (characters for languages without spaces) committed so far
    committed: Sequence[int]  # their tokens
    memory: Any  # what `open_memory` returned for this stream


@dataclass(frozen=True)
class Knob:
    """The option of a policy that trades latency for quality, and where `simulst calibrate` searches it."""

    option: str
    low: float  # hardly waits, or waits for nearly everything
    high: float


@dataclass(frozen=True)
class Policy:
    """Write whatever the model says. Base class of all policies."""

    # Attention costs time: only policies that read it ask for it.
    needs_attention: ClassVar[bool] = False
    # Writes only once all audio has been heard.
    hears_whole: ClassVar[bool] = False
    # None: `simulst calibrate` has to be told.
    knob: ClassVar[Knob | None] = None
    # A row READs where this says so of `score` and `score_limit` (operator.gt, operator.ge): all settings of
    # a policy are then asked at once. None: each overrides `read`, or never READs.
    reads_where: ClassVar[Callable | None] = None

    def __post_init__(self) -> None:
        """Raises InputError where an option is out of the bounds that it states."""
        check_options(self)

    def for_model(self, translator: Translator) -> Policy:
        """This policy with all that it leaves to the model filled in; asked before any audio is heard.

        Raises InputError when the model lacks what the policy looks at.
        """
        return self

    def open_memory(self) -> Any:
        """What this policy remembers about one stream; fresh for each."""
        return None

    def forget(self, memory: Any, tokens: int) -> None:
        """The oldest `tokens` committed tokens have left the window; `memory` is the stream's, to be changed.

        Only policies that remember tokens or places of them have something to do.
        """

    def units_allowed(self, stream: StreamView) -> int | None:
        """Before decoding: how many words this stream may write now; None is any number.

        0 saves the whole computation of the chunk.
        """
        return None

    def read(self, step: DecodingStep) -> Tensor | None:
        """At each step: (R,) bool, rows that must hear more before their next token; None is none."""
        reads_where = type(self).reads_where
        return None if reads_where is None else reads_where(self.score(step), self.score_limit)

    def score(self, step: DecodingStep) -> Tensor | None:
        """(R,) what is compared with `score_limit`, high where it READs; also for reports."""
        return None

    @property
    def score_depends_on(self) -> Hashable:
        """The options that `score` depends on, where there is `reads_where`: the limit is none of them."""
        return None

    @property
    def score_limit(self) -> float | None:
        """The score above which a row READs."""
        return None

    def commit(self, hypothesis: Hypothesis, stream: StreamView) -> int:
        """After decoding: how many of the hypothesis' new tokens to write."""
        return len(hypothesis.tokens)
