"""A text encoder in the style of T5 (Raffel et al. 2020, arXiv 1910.10683): REINA reads source text with it.

As in T5: layers normalise by the root mean square, linear layers have no bias, and positions are a
bias of each head for how far apart two tokens are, shared by all layers. Unlike T5, attention scores
are divided by the root of the head's width instead of by a smaller initialisation.

Shapes: B texts, S tokens, D width, H heads.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DISTANCES = 32  # buckets: half for each direction, half of these for single tokens
FARTHEST = 128  # tokens; all beyond share a bucket


def distance_buckets(tokens: int, device: torch.device) -> Tensor:
    """(S, S) int64: bucket of the distance from query to key. Near ones are exact, far ones logarithmic."""
    place = torch.arange(tokens, device=device)
    offset = place[None] - place[:, None]  # key minus query
    half, exact = DISTANCES // 2, DISTANCES // 4
    distance = offset.abs()
    logarithmic = exact + (
        (distance.clamp(min=1) / exact).log() / math.log(FARTHEST / exact) * (half - exact)
    ).long().clamp(max=half - exact - 1)
    return half * (offset > 0) + torch.where(distance < exact, distance, logarithmic)


class TextEncoderBlock(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.RMSNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.mlp_norm = nn.RMSNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width, bias=False), nn.ReLU(), nn.Linear(4 * width, width, bias=False)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """x (B, S, D); bias (B, H, S, S) is added to the attention scores."""
        projected = self.query_key_value(self.norm(x)).unflatten(-1, (3, self.heads, -1))
        queries, keys, values = projected.permute(2, 0, 3, 1, 4)  # (B, H, S, d) each
        attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
        x = x + self.dropout(self.out(attended.transpose(1, 2).flatten(2)))
        return x + self.dropout(self.mlp(self.mlp_norm(x)))


class TextEncoder(nn.Module):
    """Embedded source tokens to a memory for the decoder."""

    def __init__(self, width: int, heads: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.distance_bias = nn.Embedding(DISTANCES, heads)
        self.blocks = nn.ModuleList(TextEncoderBlock(width, heads, dropout) for _ in range(layers))
        self.norm = nn.RMSNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """embedded (B, S, D), padded beyond lengths (B,) -> (B, S, D); what stands beyond is meaningless."""
        tokens = embedded.shape[1]
        bias = self.distance_bias(distance_buckets(tokens, embedded.device)).permute(2, 0, 1)  # (H, S, S)
        padding = torch.arange(tokens, device=embedded.device) >= lengths[:, None]  # (B, S)
        mask = bias.masked_fill(padding[:, None, None], -torch.inf)  # (B, H, S, S)
        x = self.dropout(embedded)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)
