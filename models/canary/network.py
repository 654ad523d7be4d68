"""NVIDIA's Canary (Puvvada et al. 2024, arXiv 2406.19674; version 2: arXiv 2509.14128) in plain torch.

A FastConformer encoder (`models.canary.fast_conformer`) and the Transformer decoder of
`models.whisper.network` with what NeMo does otherwise: sinusoids as positions, a normalisation behind the
embedding, biases on keys, ReLU between the feed-forward layers, and a bias on the logits.

Shapes: R rows, N tokens, D width, V vocabulary.
"""

import torch
from torch import Tensor, nn

from models.canary.dimensions import CanaryDimensions
from models.canary.fast_conformer import FastConformer
from models.canary.features import CanaryFrontEnd
from models.layers.empty_network import first_values
from models.layers.multi_head import MultiHeadAttention
from models.whisper.network import DecoderBlock, SpeechModel, TextDecoder


def text_positions(length: int, width: int) -> Tensor:
    """(length, width) fixed position embeddings: sines first, then cosines, all divided by width ** 0.5."""
    angles = torch.arange(length)[:, None] * 10_000.0 ** -(torch.arange(0, width, 2) / width)
    return torch.cat([angles.sin(), angles.cos()], dim=1) * width**-0.5


class CanaryDecoderBlock(DecoderBlock):
    def __init__(self, d: CanaryDimensions, dropout: float) -> None:
        width, heads = d.n_text_state, d.n_text_head
        super().__init__(width, heads, dropout)
        self.attn = MultiHeadAttention(width, heads, d.text_bias, key_bias=d.text_bias)
        self.cross_attn = MultiHeadAttention(width, heads, d.text_bias, key_bias=d.text_bias)
        self.mlp = nn.Sequential(
            nn.Linear(width, d.n_text_inner), nn.ReLU(), nn.Linear(d.n_text_inner, width)
        )


class CanaryDecoder(TextDecoder):
    """Tokens and memory to next-token logits, over a cache of rows."""

    def __init__(self, d: CanaryDimensions) -> None:
        super().__init__(d, shared_output=d.shared_output)
        shape = d.n_text_ctx, d.n_text_state
        del self.positional_embedding  # these are not learned
        self.register_buffer("positional_embedding", first_values(lambda: text_positions(*shape), *shape))
        self.embedding_ln = nn.LayerNorm(d.n_text_state)
        self.output_bias = nn.Parameter(torch.zeros(d.n_vocab))

    def new_block(self, dimensions: CanaryDimensions, dropout: float) -> CanaryDecoderBlock:
        return CanaryDecoderBlock(dimensions, dropout)

    def embed(self, tokens: Tensor, positions: Tensor) -> Tensor:
        return self.embedding_ln(super().embed(tokens, positions))

    def logits(self, hidden: Tensor) -> Tensor:
        return super().logits(hidden) + self.output_bias.float()


class Canary(SpeechModel):
    """Speech in one language to text in the same or another."""

    def __init__(self, dimensions: CanaryDimensions) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.encoder = FastConformer(dimensions)
        self.decoder = CanaryDecoder(dimensions)

    @property
    def front_end(self) -> CanaryFrontEnd:
        return CanaryFrontEnd(self.dimensions.n_mels, self.dimensions.halvings)
