"""The parts that all our Transformer blocks are made of, named as in OpenAI's checkpoints of Whisper.

Shapes: B rows, N tokens, D width, H heads, d = D / H.
"""

from torch import Tensor, nn

from models.layers.packing import Packing


class MultiHeadAttention(nn.Module):
    """Projections of multi-head attention; keys have no bias, as in Whisper, unless asked for."""

    def __init__(self, width: int, heads: int, bias: bool = True, key_bias: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias)
        self.key = nn.Linear(width, width, key_bias)
        self.value = nn.Linear(width, width, bias)
        self.out = nn.Linear(width, width, bias)

    def split(self, projected: Tensor, packing: Packing | None = None) -> Tensor:
        """(B, N, D) -> (B, H, N, d)"""
        if packing is not None:
            projected = packing.pad(projected)
        return projected.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def keys_and_values(self, states: Tensor, packing: Packing | None = None) -> tuple[Tensor, Tensor]:
        return self.split(self.key(states), packing), self.split(self.value(states), packing)

    def merge(self, attended: Tensor, packing: Packing | None = None) -> Tensor:
        """(B, H, N, d) -> (B, N, D)"""
        merged = attended.transpose(1, 2).flatten(2)
        return self.out(merged if packing is None else packing.pack(merged))


def feed_forward(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
