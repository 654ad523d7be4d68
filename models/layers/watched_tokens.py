"""The tokens of a pass whose cross-attention is asked for.

Shapes: R rows, N tokens, R' of them asked for, H heads, d width of a head.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.layers.transfers import to_device


@dataclass(frozen=True)
class WatchedTokens:
    """The tokens of a pass whose attention is asked for."""

    rows: Tensor | None  # (R',) on the host; None: each row
    index: tuple[Tensor, slice, Tensor] | tuple[slice, slice, int]  # of queries (R, H, N, d)

    @classmethod
    def of(cls, tokens: Tensor, lengths: Tensor, watched: tuple[Tensor, Tensor] | None) -> "WatchedTokens":
        """As `TextDecoder.forward` takes them."""
        if watched is None and tokens.shape[1] == 1:
            return cls(None, (slice(None), slice(None), 0))
        rows, places = watched or (torch.arange(tokens.shape[0]), lengths - 1)
        row, place = (to_device(one, tokens.device) for one in (rows, places))
        return cls(rows, (row, slice(None), place))

    def select(self, queries: Tensor) -> Tensor:
        """(R, H, N, d) -> (R', H, d)"""
        return queries[self.index]
