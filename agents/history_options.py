"""What a stream forgets, and when."""

from dataclasses import dataclass

from foundation.options import check_options, option


@dataclass(frozen=True)
class HistoryOptions:
    """What a stream forgets; the same for every policy."""

    history: str | None = option(
        None,
        "A stream forgets nothing (none), what was said before a pause (pauses), or what its newest text was "
        "not attended to (attention); default: pauses, from the moment on that the model's window is full.",
        ("none", "pauses", "attention"),
    )
    window_s: float | None = option(
        None,
        "A stream remembers so much audio at most; default: what the model hears, less its trailing silence.",
        at_least=0.5,
        at_most=3600,
    )
    context_words: int = option(
        0,
        "A model that knows prompts is given so many words written before; others have no use for them.",
        at_least=0,
        at_most=200,
    )
    context: str | None = option(
        None,
        "A model that knows prompts is told what this file holds: names and terms, one a line, or a "
        "paragraph.",
        is_path=True,
    )
    kept_words: int | None = option(
        None, "Attention keeps so many of the newest words; default: the last sentence.", at_least=1
    )
    utterance_pause_ms: int | None = option(
        None,
        "An utterance ends after this much silence; default: --pause-ms, five times that with attention.",
        at_least=0,
        at_most=3_600_000,
    )

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def endless(self) -> bool:
        """Whether audio may be longer than the model's window."""
        return self.history != "none"
