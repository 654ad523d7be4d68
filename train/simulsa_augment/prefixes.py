"""Beginnings of a text that somebody else has divided: compared by characters other than spaces.

Tokenizers treat spaces in different ways, and one may drop that at the start of a text.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from train.simulsa_augment.labels import Label
from train.simulsa_augment.sampling import Speculation


class TextTokens(Protocol):
    def encode(self, text: str) -> list[int]: ...
    def decode(self, tokens: Sequence[int]) -> str: ...


def solid(text: str) -> str:
    return "".join(text.split())


def same_length(text: str, written: str) -> bool:
    """Whether `written` can be `text` character by character; a tokenizer may normalise some of them."""
    return len(solid(text)) == len(solid(written))


def solid_end(text: str, beginning: str) -> int:
    """Where in `text` a beginning of it, as a tokenizer writes it, ends."""
    return end_after(text, len(solid(beginning)))


def end_after(text: str, count: int) -> int:
    """Where `text` ends behind so many of its characters other than spaces."""
    places = [place for place, character in enumerate(text, start=1) if not character.isspace()]
    return places[count - 1] if count else 0


def token_ends(decode: Callable[[Sequence[int]], str], tokens: Sequence[int]) -> list[int]:
    """How many characters other than spaces there are up to the end of each token."""
    return [len(solid(decode(tokens[: count + 1]))) for count in range(len(tokens))]


def label_up_to(model: TextTokens, speculation: Speculation, end: int, doubt: float | None) -> Label:
    """The label text[:end] for the model that is to be trained, whose tokens may end elsewhere.

    Those of the whole text that begin before its end count as kept.
    """
    text, tokens = speculation.text, list(speculation.tokens)
    kept = text[:end]
    wanted = len(solid(kept))
    begins = [0, *token_ends(model.decode, tokens)[:-1]]
    reached = sum(begin < wanted for begin in begins)
    return Label(
        id=speculation.clip.row.id,
        target=speculation.target,
        kept=kept,
        cut=text[end:].strip(),
        kept_tokens=reached,
        tokens=len(tokens),
        doubt=doubt,
        same_tokens=model.encode(kept) == tokens[:reached],
    )
