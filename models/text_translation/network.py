"""Encoder-decoders of text in plain torch: Marian, M2M-100 with NLLB, and T5 are one network with options.

The decoder is that of `models.whisper.network` but for its blocks, so that rows of unequal length, caches and
attention are those of all our models. What is read and written at once is a batch of streams of any lengths.

Shapes: B streams, T source tokens, R rows, N new tokens, L cached tokens, D width, H heads, d width of one.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.layers.attention import attend
from models.layers.empty_network import first_values
from models.layers.multi_head import MultiHeadAttention
from models.layers.packing import Packing
from models.layers.row_cache import RowCache
from models.text_translation.dimensions import TextDimensions
from models.text_translation.relative_positions import RelativePositions
from models.whisper.network import TextDecoder, sinusoids, valid_positions

FIRST_POSITION = 2  # of fairseq's sinusoids
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "swish": F.silu,
}


def fixed_positions(d: TextDimensions) -> Tensor:
    """(n_text_ctx, D): sines first, then cosines."""
    length, width = d.n_text_ctx, d.n_text_state
    if not d.interleaved_positions:
        return sinusoids(length + FIRST_POSITION, width)[FIRST_POSITION:]
    angles = torch.arange(length)[:, None] * 10_000.0 ** -(torch.arange(0, width, 2) / width)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def normalisation(d: TextDimensions) -> nn.Module:
    kind = nn.RMSNorm if d.mean_is_kept else nn.LayerNorm
    return kind(d.n_text_state, eps=d.epsilon)


class TextAttention(MultiHeadAttention):
    """Heads of any width."""

    def __init__(self, d: TextDimensions, heads: int) -> None:
        nn.Module.__init__(self)
        self.heads = heads
        inner = heads * d.head_width
        self.query, self.key, self.value = (nn.Linear(d.n_text_state, inner, d.bias) for _ in range(3))
        self.out = nn.Linear(inner, d.n_text_state, d.bias)


class FeedForward(nn.Module):
    def __init__(self, d: TextDimensions, inner: int) -> None:
        super().__init__()
        self.first = nn.Linear(d.n_text_state, inner, d.bias)
        self.gate = nn.Linear(d.n_text_state, inner, d.bias) if d.is_gated else None
        self.second = nn.Linear(inner, d.n_text_state, d.bias)
        self._activation = ACTIVATIONS[d.activation]

    def forward(self, x: Tensor) -> Tensor:
        if self.gate is None:
            return self.second(self._activation(self.first(x)))
        return self.second(self._activation(self.gate(x)) * self.first(x))


def around(x: Tensor, norm: nn.Module, first: bool, layer: Callable[[Tensor], Tensor]) -> Tensor:
    """x plus what a layer makes of it, normalised before the layer or behind it all."""
    return x + layer(norm(x)) if first else norm(x + layer(x))


class EncoderBlock(nn.Module):
    def __init__(self, d: TextDimensions) -> None:
        super().__init__()
        self.attn, self.attn_ln = TextAttention(d, d.n_encoder_head), normalisation(d)
        self.mlp, self.mlp_ln = FeedForward(d, d.n_encoder_inner), normalisation(d)
        self._first = d.normalises_first

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """x (B, T, D); mask (B, 1, 1, T) bool, or added to logits (B, H, T, T)."""

        def attention(states: Tensor) -> Tensor:
            keys, values = self.attn.keys_and_values(states)
            queries = self.attn.split(self.attn.query(states))
            return self.attn.merge(F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask))

        x = around(x, self.attn_ln, self._first, attention)
        return around(x, self.mlp_ln, self._first, self.mlp)


class TextEncoder(nn.Module):
    """Source tokens to what the decoder attends to."""

    def __init__(self, d: TextDimensions) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(d.n_vocab, d.n_text_state) if d.own_source_embedding else None
        self.blocks = nn.ModuleList(EncoderBlock(d) for _ in range(d.n_encoder_layer))
        self.ln = normalisation(d) if d.normalises_first else nn.Identity()
        self.relative = RelativePositions(d, d.n_encoder_head, both_ways=True) if d.relative_buckets else None

    def forward(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """embedded (B, T, D), of which lengths (B,) are real -> (B, T, D)"""
        mask = valid_positions(lengths, embedded.shape[1])[:, None, None]
        if self.relative is not None:
            places = torch.arange(embedded.shape[1], device=embedded.device)
            bias = self.relative(places[None], places)
            mask = bias.masked_fill(~mask, -torch.inf)
        elif bool(mask.all()):
            mask = None
        x = embedded
        for block in self.blocks:
            x = block(x, mask)
        return self.ln(x)


class DecoderBlock(nn.Module):
    def __init__(self, d: TextDimensions) -> None:
        super().__init__()
        self.attn, self.attn_ln = TextAttention(d, d.n_text_head), normalisation(d)
        self.cross_attn, self.cross_attn_ln = TextAttention(d, d.n_text_head), normalisation(d)
        self.mlp, self.mlp_ln = FeedForward(d, d.n_text_inner), normalisation(d)
        self._first = d.normalises_first

    def forward(
        self, x: Tensor, layer: int, cache: RowCache, mask: Tensor, packing: Packing | None = None
    ) -> tuple[Tensor, Tensor]:
        """As `models.whisper.network.DecoderBlock`; mask: bool, or added to logits."""
        asked: list[Tensor] = []

        def own_attention(states: Tensor) -> Tensor:
            queries = self.attn.split(self.attn.query(states), packing)
            keys, values = cache.store_keys(layer, *self.attn.keys_and_values(states, packing))
            if mask.dtype == torch.bool:
                attended = attend(queries, keys, values, mask)
            else:
                attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
            return self.attn.merge(attended, packing)

        def cross_attention(states: Tensor) -> Tensor:
            asked.append(self.cross_attn.split(self.cross_attn.query(states), packing))
            return self.cross_attn.merge(cache.cross_attend(layer, asked[0]), packing)

        x = around(x, self.attn_ln, self._first, own_attention)
        x = around(x, self.cross_attn_ln, self._first, cross_attention)
        return around(x, self.mlp_ln, self._first, self.mlp), asked[0]


class TranslatingDecoder(TextDecoder):
    """Tokens and memory to next-token logits, over a cache of rows."""

    def __init__(self, d: TextDimensions) -> None:
        super().__init__(d, shared_output=d.shared_output)
        del self.positional_embedding  # these are not learned
        self._scale, self._output_scale = d.embedding_scale, d.output_scale
        self.relative = RelativePositions(d, d.n_text_head, both_ways=False) if d.relative_buckets else None
        positions = None
        if self.relative is None:
            positions = first_values(lambda: fixed_positions(d), d.n_text_ctx, d.n_text_state)
        self.register_buffer("positional_embedding", positions, persistent=False)
        self.ln = normalisation(d) if d.normalises_first else nn.Identity()
        self.output_bias = nn.Parameter(torch.zeros(d.n_vocab)) if d.has_output_bias else None

    def new_block(self, dimensions: TextDimensions, dropout: float) -> DecoderBlock:
        return DecoderBlock(dimensions)

    def embed(self, tokens: Tensor, positions: Tensor) -> Tensor:
        return self.placed(self.token_embedding(tokens), positions)

    def placed(self, embedded: Tensor, positions: Tensor) -> Tensor:
        """Embeddings (R, N, D) as a first block reads them, at positions (R, N) or (N,)."""
        embedded = embedded * self._scale
        if self.positional_embedding is None:
            return embedded
        table_end = self.positional_embedding.shape[0] - 1  # see `TextDecoder.embed`
        return embedded + self.positional_embedding[positions.clamp(max=table_end)]

    def self_attention_mask(self, cache: RowCache, positions: Tensor) -> Tensor:
        mask = super().self_attention_mask(cache, positions)
        if self.relative is None:
            return mask
        places = torch.arange(mask.shape[-1], device=mask.device)
        return self.relative(positions, places).masked_fill(~mask, -torch.inf)

    def logits(self, hidden: Tensor) -> Tensor:
        logits = super().logits(hidden if self._output_scale == 1 else hidden * self._output_scale)
        return logits if self.output_bias is None else logits + self.output_bias.float()


class TextModel(nn.Module):
    """A text encoder and a text decoder."""

    def __init__(self, dimensions: TextDimensions) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.encoder = TextEncoder(dimensions)
        self.decoder = TranslatingDecoder(dimensions)

    def compute_positions(self) -> None:
        """Fill in what is computed rather than stored, after the weights were assigned."""
        if self.decoder.relative is None:
            self.decoder.positional_embedding = fixed_positions(self.dimensions)

    def encode(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Source tokens (B, T), of which lengths (B,) are real -> (B, T, D)"""
        table = self.encoder.token_embedding or self.decoder.token_embedding
        places = torch.arange(tokens.shape[1], device=tokens.device)
        return self.encoder(self.decoder.placed(table(tokens), places), lengths)
