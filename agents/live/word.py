"""What a live translation writes: words, each with the time at which it was written."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """One word, or what was written at once of a language without spaces. Nothing is ever taken back.

    All times are in seconds from the start of the source, to a millisecond.
    """

    text: str
    """The word, with its punctuation and without spaces."""
    written_s: float
    """So much audio had been heard when it was written: its delay, as SimulEval counts it."""
    heard_s: float | None = None
    """Where in the audio the model looked most for it; None unless times were asked for."""
    score: float | None = None
    """The policy's score, the highest of its tokens; None where the policy has none, or was not asked."""
    continues: bool = False
    """Whether it goes on where the word before ended, without a space, as in Chinese or Japanese."""


def text_of(words: list[Word]) -> str:
    """The words as one text."""
    return "".join(word.text if word.continues else f" {word.text}" for word in words).strip()
