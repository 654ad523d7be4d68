"""How many words, or characters, a stream's tokens are: what limits and policies count."""

from collections.abc import Sequence

import torch

from agents.stream.state import StreamState
from models.decoding.units import all_units_started, complete_units, first_word_is_unmarked
from models.translator import Tokenizer


class UnitCounts:
    """Counts the units of streams that one tokenizer's text is written in."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._end = tokenizer.end_of_sequence
        self._started = all_units_started(tokenizer).unbind()  # of words, of characters: (V,) each

    def begins(self, stream: StreamState, tokens: Sequence[int]) -> list[int]:
        """Places of the tokens with which a unit begins."""
        return self._started[stream.character_units][list(tokens)].nonzero()[:, 0].tolist()

    def count(self, stream: StreamState, tokens: Sequence[int]) -> int:
        """Units of new tokens, to be put behind what the stream has written."""
        started = self._started[stream.character_units][list(tokens)].sum()
        return self._unmarked(stream, tokens) + int(started)

    def whole(
        self, stream: StreamState, tokens: tuple[int, ...], next_token: int, limit: int | None
    ) -> tuple[int, ...]:
        """Those of new tokens that make whole units, at most `limit` of them; next_token follows them."""
        if stream.character_units:
            return tokens
        begun = self._unmarked(stream, (*tokens, next_token))
        return tokens[: complete_units(tokens, next_token, self._started[0], limit, begun)]

    def _unmarked(self, stream: StreamState, tokens: Sequence[int]) -> int:
        """1 if these tokens begin a text and its first word has no space in front, else 0."""
        if stream.text.committed or stream.character_units or not tokens:
            return 0
        return int(first_word_is_unmarked(torch.tensor(tokens[0]), self._started[0], self._end))
