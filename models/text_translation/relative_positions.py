"""T5's relative positions (Raffel et al. 2020, arXiv 1910.10683): what is added to attention by distance.

Shapes: R rows, N queries, L keys, H heads.
"""

import math

import torch
from torch import Tensor, nn

from models.text_translation.dimensions import TextDimensions


class RelativePositions(nn.Module):
    """Near distances have a bucket each, farther ones share buckets that grow with the logarithm."""

    def __init__(self, d: TextDimensions, heads: int, both_ways: bool) -> None:
        """both_ways: what stands behind a query has buckets of its own; else it is never seen."""
        super().__init__()
        self.table = nn.Embedding(d.relative_buckets, heads)
        self._buckets, self._distance, self._both_ways = d.relative_buckets, d.relative_distance, both_ways

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Positions of queries (R, N) and keys (L,) -> (R, H, N, L)"""
        return self.table(self.buckets(keys - queries[..., None])).permute(0, 3, 1, 2)

    def buckets(self, offsets: Tensor) -> Tensor:
        """int64 buckets of offsets of a key from a query, in the same shape."""
        count, behind = self._buckets, 0
        if self._both_ways:
            count //= 2
            behind = count * (offsets > 0)
            distances = offsets.abs()
        else:
            distances = -offsets.clamp(max=0)
        near = count // 2
        ratio = (distances.clamp(min=1) / near).log() / math.log(self._distance / near)
        far = near + (ratio * (count - near)).long()
        return behind + torch.where(distances < near, distances, far.clamp(max=count - 1))
