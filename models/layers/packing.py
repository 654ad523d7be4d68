"""Real tokens of rows of unequal length, side by side.

What treats every token alike (projections, norms, feed-forward layers: nearly all the work of a prefix)
then computes nothing for padding; only attention sees rows.

Shapes: R rows, N tokens of the longest row, P real tokens of all rows, D width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.layers.transfers import to_device


@dataclass(frozen=True)
class Packing:
    """Where each real token stands."""

    rows: Tensor  # (P,)
    places: Tensor  # (P,) in their rows
    shape: tuple[int, int]  # (R, N)

    @classmethod
    def of(cls, lengths: Tensor, tokens: int, device: torch.device) -> "Packing":
        """The packing of rows with lengths (R,) real tokens, padded on the right to `tokens`, on `device`."""
        real = torch.arange(tokens, device=lengths.device) < lengths[:, None]
        rows, places = (to_device(one, device) for one in real.nonzero(as_tuple=True))
        return cls(rows, places, tuple(real.shape))

    def pack(self, padded: Tensor) -> Tensor:
        """(R, N, D) -> (1, P, D)"""
        return padded[self.rows, self.places][None]

    def pad(self, packed: Tensor) -> Tensor:
        """(1, P, D) -> (R, N, D), zero beyond each row's end"""
        padded = packed.new_zeros(*self.shape, packed.shape[-1])
        padded[self.rows, self.places] = packed[0]
        return padded
