"""Cross-attention head by head, for whoever compares heads; decoding looks at the mean of some.

Shapes: R rows, H heads, d width of a head, T memory frames, P watched tokens.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.layers.row_cache import RowCache


class EachHead(RowCache):
    """A cache that also keeps what each head that is asked about attended to."""

    def __init__(self, *arguments, **settings) -> None:
        super().__init__(*arguments, **settings)
        self.kept: list[Tensor] = []  # of one layer after the other, (h, P, T) float32 each

    def cross_attention(
        self, layer: int, heads: Sequence[int], queries: Tensor, rows: Tensor | None
    ) -> Tensor:
        each = [super(EachHead, self).cross_attention(layer, [head], queries, rows) for head in heads]
        self.kept.append(torch.stack(each))
        return self.kept[-1].sum(0)
