"""Emission units: what may be shown of a hypothesis, in whole words or whole characters."""

import re
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from models.translator import Tokenizer

WHITE_SPACE = re.compile(r"\s+")
CONTINUATION_BYTES = bytes(range(0x80, 0xC0))  # of UTF-8: a byte that does not start a character


@lru_cache(maxsize=8)  # search and streams ask for them, and engines of one model
def all_units_started(tokenizer: Tokenizer) -> Tensor:
    """(2, V) int64: words, and characters, that begin with each token. Not to be changed."""
    return torch.stack([tokenizer.units_started(character_units) for character_units in (False, True)])


def words_started(token_bytes: Sequence[bytes]) -> Tensor:
    """(V,) int64: words that begin with each of V tokens, given as the bytes of its text.

    A word begins at white space, also where the space is all of a token.
    """
    return torch.tensor([len(WHITE_SPACE.findall(text.decode(errors="ignore"))) for text in token_bytes])


def characters_started(token_bytes: Sequence[bytes]) -> Tensor:
    """(V,) int64: characters that begin with each of V tokens, given as the bytes of its text.

    A character begins at the first byte of its UTF-8 form, unless it is white space.
    """
    first_bytes = (len(text.translate(None, CONTINUATION_BYTES)) for text in token_bytes)
    spaces = (sum(map(str.isspace, text.decode(errors="ignore"))) for text in token_bytes)
    return torch.tensor([first - space for first, space in zip(first_bytes, spaces, strict=True)])


def first_word_is_unmarked(first_token: Tensor, units_started: Tensor, end_of_sequence: int) -> Tensor:
    """Whether a text's first token begins a word without a space, which `words_started` cannot see.

    first_token: any shape, of texts that begin with it; returns bool of that shape.
    """
    return (units_started[first_token] == 0) & (first_token != end_of_sequence)


def complete_units(
    tokens: Sequence[int], next_token: int, units_started: Tensor, limit: int | None = None, begun: int = 0
) -> int:
    """How many of `tokens` form whole words: those before the last place where a new word begins.

    next_token is what would follow `tokens`; at most `limit` words are taken, of which `begun` began without
    a token that shows it. A word is complete only
    once another begins behind it. That the model would end there proves nothing while audio is still
    to come: the word may be cut short by the audio's edge, and its punctuation has not been heard.
    """
    complete = 0
    for place, token in enumerate((*tokens, next_token)):
        started = int(units_started[token])
        if started:
            complete = place
        begun += started
        if limit is not None and begun > limit:
            break
    return complete
