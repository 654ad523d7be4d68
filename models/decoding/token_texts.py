"""What a tokenizer knows by the bytes that each of its tokens adds to a text.

Shapes: V vocabulary.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property

from torch import Tensor

from models.decoding.units import characters_started, words_started


class TokenTexts:
    """Base of tokenizers that have a table of the bytes of tokens; those without text have none."""

    _bytes: Sequence[bytes]
    end_of_sequence: int
    glossary_room = 0  # of tokenizers that know no prompts

    def decode(self, tokens: Iterable[int]) -> str:
        """Text of `tokens`. Control tokens and the bytes of incomplete characters leave nothing."""
        text = b"".join(self._bytes[token] for token in tokens).decode("utf-8", errors="ignore")
        return text.removeprefix(" ")

    @cached_property
    def suppressed(self) -> list[int]:
        """Ids never generated: all without text but the end of sequence."""
        return [id for id, text in enumerate(self._bytes) if not text and id != self.end_of_sequence]

    def units_started(self, character_units: bool) -> Tensor:
        """(V,) int64: how many emission units, words or characters, begin with each token."""
        return (characters_started if character_units else words_started)(self._bytes)
