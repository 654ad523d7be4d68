"""Tokens that must not come next, whatever the model says. A search applies a list of such filters.

Shapes: M rows of the model, V vocabulary, L tokens of text so far.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from models.layers.transfers import to_device


@dataclass(frozen=True)
class RowTexts:
    """The texts of M rows, what was committed before this chunk and what is new. All of it is on the host."""

    tokens: Tensor  # (M, L) ids that end in the last column, -1 left of a row's start
    committed: int  # columns of `tokens` before the first new one
    character_units: Tensor  # (M,) bool: rows of languages that are counted in characters
    word_lists: Tensor  # (M,) int64: which list of words each row keeps to (`known_words`), -1 for none

    @property
    def new(self) -> Tensor:
        """(M, n) tokens written in this chunk; all rows have written equally many."""
        return self.tokens[:, self.committed :]

    @property
    def written(self) -> int:
        """The number n of tokens that each row has written in this chunk."""
        return self.tokens.shape[1] - self.committed

    @property
    def has_committed(self) -> Tensor:
        """(M,) bool: rows that go on with a text."""
        return (self.tokens[:, : self.committed] >= 0).any(1)

    def grown(self, parents: Tensor, next_tokens: Tensor) -> "RowTexts":
        """The rows that continue rows `parents` (M',) by one token each, next_tokens (M',)."""
        tokens = torch.cat([self.tokens[parents], next_tokens[:, None]], dim=1)
        return RowTexts(tokens, self.committed, self.character_units[parents], self.word_lists[parents])


class TokenFilter(Protocol):
    """One reason why tokens must not come next."""

    def __call__(self, log_probabilities: Tensor, texts: RowTexts) -> Tensor:
        """(M, V) -> (M, V) with what is forbidden at -inf; never written in place."""


class NewWordAfterCommitted:
    """The first new token of a chunk is glued to no word that has been shown: it begins another, or ends."""

    def __init__(self, words_started: Tensor, end_of_sequence: int) -> None:
        """words_started (V,): words that begin with each token."""
        self._continues = words_started == 0  # (V,) where the model runs
        self._continues[end_of_sequence] = False

    def __call__(self, log_probabilities: Tensor, texts: RowTexts) -> Tensor:
        if texts.written:
            return log_probabilities
        bound = to_device(texts.has_committed & ~texts.character_units, log_probabilities.device)
        return log_probabilities.masked_fill(bound[:, None] & self._continues, -torch.inf)


class NoRepeatedNgrams:
    """No n-gram stands twice in a text: loops are cut."""

    def __init__(self, size: int) -> None:
        """size: 0 forbids nothing."""
        self.size = size

    def __call__(self, log_probabilities: Tensor, texts: RowTexts) -> Tensor:
        text, size = texts.tokens, self.size
        if size == 0 or text.shape[1] < size:
            return log_probabilities
        windows = text.unfold(1, size, 1)  # (M, L - size + 1, size)
        tail = text[:, -(size - 1) :]
        repeats = (windows[..., :-1] == tail[:, None]).all(-1) & (tail >= 0).all(-1, keepdim=True)
        rows, places = repeats.nonzero(as_tuple=True)
        if len(rows) == 0:
            return log_probabilities
        return without_tokens(log_probabilities, rows, windows[rows, places, -1])


def without_tokens(log_probabilities: Tensor, rows: Tensor, tokens: Tensor) -> Tensor:
    """A copy of (M, V) with -inf for tokens (P,) of rows (P,), both on the host."""
    minus_infinity = torch.full(rows.shape, -torch.inf, device=log_probabilities.device)
    there = (to_device(one, log_probabilities.device) for one in (rows, tokens))
    return log_probabilities.index_put(tuple(there), minus_infinity)
