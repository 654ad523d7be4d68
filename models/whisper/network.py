"""Whisper (Radford et al. 2022, arXiv 2212.04356) in plain torch, for streams of unequal length.

Parameter names are those of OpenAI's checkpoints. Two things differ from the original: the encoder
accepts audio of any length up to its window (rows shorter than the longest are masked, so that a
row's result does not depend on its neighbours), and the decoder's key/value cache is an object of
its own (`RowCache`).

Shapes: B streams, R rows, F feature frames, T = ceil(F / 2) memory frames, N tokens, D width,
H heads, d = D / H, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.layers.attention import attend
from models.layers.empty_network import first_values
from models.layers.multi_head import MultiHeadAttention, feed_forward
from models.layers.packing import Packing
from models.layers.row_cache import RowCache
from models.layers.teacher_forcing import TeacherForcing
from models.layers.watched_tokens import WatchedTokens
from models.whisper.front_end import FRAME_MS as FRAME_MS
from models.whisper.front_end import STRIDE, FrontEnd, WhisperFrontEnd, memory_frames


@dataclass(frozen=True)
class SpeechDimensions:
    """Sizes of an audio encoder and a text decoder, named as in OpenAI's checkpoints."""

    n_mels: int
    n_audio_ctx: int
    n_audio_state: int
    n_audio_head: int
    n_audio_layer: int
    n_vocab: int
    n_text_ctx: int
    n_text_state: int
    n_text_head: int
    n_text_layer: int


@dataclass(frozen=True)
class WhisperDimensions(SpeechDimensions):
    """Sizes of a Whisper network."""


def sinusoids(length: int, width: int) -> Tensor:
    """(length, width) fixed position embeddings of the encoder: sines first, then cosines."""
    steps = torch.arange(width // 2) / (width // 2 - 1)
    angles = torch.arange(length)[:, None] * 10_000.0**-steps
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def valid_positions(lengths: Tensor, width: int) -> Tensor:
    """(B, width) bool: position < length."""
    return torch.arange(width, device=lengths.device) < lengths[:, None]


class EncoderBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = MultiHeadAttention(width, heads)
        self.attn_ln = nn.LayerNorm(width)
        self.mlp = feed_forward(width)
        self.mlp_ln = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        normed = self.attn_ln(x)
        keys, values = self.attn.keys_and_values(normed)
        queries = self.attn.split(self.attn.query(normed))
        attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        return self.finish(x, attended.transpose(1, 2).flatten(2))

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Its input (..., D), and what all heads attended to side by side (..., D), -> its output."""
        x = x + self.attn.out(attended)
        return x + self.mlp(self.mlp_ln(x))


class AudioEncoder(nn.Module):
    """Log-mel features to memory frames of 20 ms."""

    def __init__(self, dimensions: SpeechDimensions) -> None:
        super().__init__()
        width = dimensions.n_audio_state
        self.conv1 = nn.Conv1d(dimensions.n_mels, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(width, width, kernel_size=3, stride=STRIDE, padding=1)
        shape = dimensions.n_audio_ctx, width
        self.register_buffer("positional_embedding", first_values(lambda: sinusoids(*shape), *shape))
        self.blocks = nn.ModuleList(
            EncoderBlock(width, dimensions.n_audio_head) for _ in range(dimensions.n_audio_layer)
        )
        self.ln_post = nn.LayerNorm(width)

    def forward(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        """features (B, mels, F), zero beyond lengths (B,) in feature frames -> (B, T, D).

        `lengths` None means that every row is full. Frames past a row's end are meaningless.
        """
        x = F.gelu(self.conv1(features))
        mask = None
        if lengths is not None:
            # A bias and a GELU make silence non-zero, which a shorter row must not hear in conv2.
            x = x * valid_positions(lengths, x.shape[-1])[:, None]
            mask = valid_positions(memory_frames(lengths), memory_frames(x.shape[-1]))[:, None, None]
        x = F.gelu(self.conv2(x)).transpose(1, 2)
        x = x + self.positional_embedding[: x.shape[1]]
        for block in self.blocks:
            x = block(x, mask)
        return self.ln_post(x)


class DecoderBlock(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attn = MultiHeadAttention(width, heads)
        self.attn_ln = nn.LayerNorm(width)
        self.cross_attn = MultiHeadAttention(width, heads)
        self.cross_attn_ln = nn.LayerNorm(width)
        self.mlp = feed_forward(width)
        self.mlp_ln = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        layer: int,
        cache: RowCache | TeacherForcing,
        mask: Tensor | None,
        packing: Packing | None = None,
    ) -> tuple[Tensor, Tensor]:
        """x (R, N, D), packed or not, -> the same, and the cross-attention queries (R, H, N, d)."""
        normed = self.attn_ln(x)
        queries = self.attn.split(self.attn.query(normed), packing)
        keys, values = cache.store_keys(layer, *self.attn.keys_and_values(normed, packing))
        attended = attend(queries, keys, values, mask)
        x = x + self.dropout(self.attn.merge(attended, packing))

        queries = self.cross_attn.split(self.cross_attn.query(self.cross_attn_ln(x)), packing)
        x = x + self.dropout(self.cross_attn.merge(cache.cross_attend(layer, queries), packing))
        return x + self.dropout(self.mlp(self.mlp_ln(x))), queries


class TextDecoder(nn.Module):
    """Tokens and memory to next-token logits, over a cache of rows."""

    def __init__(
        self, dimensions: SpeechDimensions, dropout: float = 0.0, shared_output: bool = True
    ) -> None:
        """shared_output: the output layer is the token embedding, as in Whisper."""
        super().__init__()
        width = dimensions.n_text_state
        self.token_embedding = nn.Embedding(dimensions.n_vocab, width)
        self.positional_embedding = nn.Parameter(torch.empty(dimensions.n_text_ctx, width))
        self.blocks = nn.ModuleList(
            self.new_block(dimensions, dropout) for _ in range(dimensions.n_text_layer)
        )
        self.ln = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        # What makes logits of hidden states: None, a layer, or what `models.layers.processor_weights` makes.
        self.output: nn.Module | None = (
            None if shared_output else nn.Linear(width, dimensions.n_vocab, bias=False)
        )

    def new_block(self, dimensions: SpeechDimensions, dropout: float) -> DecoderBlock:
        return DecoderBlock(dimensions.n_text_state, dimensions.n_text_head, dropout)

    def embed(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """What the first block reads, (R, N, D), of tokens and their positions (R, N)."""
        # Padding of a prefix may point past the table when a neighbour's prefix is longer; it is never read.
        table_end = self.positional_embedding.shape[0] - 1
        return self.token_embedding(tokens) + self.positional_embedding[positions.clamp(max=table_end)]

    def open_cache(
        self,
        frames: Tensor,
        lengths: Tensor,
        listens_to: Tensor,
        attention_heads: Sequence[tuple[int, int]] = (),
        cross: Sequence[tuple[Tensor, Tensor]] | None = None,
        log_counts: Tensor | None = None,
    ) -> RowCache:
        """An empty cache of R rows over memories (B, T, D) of lengths (B,) frames.

        Cross-attention keys and values are computed here, once for all steps and rows, unless `cross` brings
        what `cross_keys` gave earlier. listens_to (R,): memory of each row, on the host. attention_heads:
        (layer, head) pairs to report. log_counts (B, T): of `Memory`.
        """
        cross = cross or self.cross_keys(frames)
        return RowCache(cross, lengths, listens_to, attention_heads, log_counts)

    def teacher_force(
        self, frames: Tensor, lengths: Tensor, tokens: Tensor, log_counts: Tensor | None = None
    ) -> Tensor:
        """Hidden states (B, N, D) of whole sequences (B, N) over memories (B, T, D) of lengths (B,).

        log_counts (B, T): of `Memory`.

        Tokens are padded on the right with any id; what stands there is meaningless. Raises
        ValueError when N is more than the decoder has positions.
        """
        count, positions = tokens.shape[1], self.positional_embedding.shape[0]
        if count > positions:
            raise ValueError(f"{count} tokens are more than the decoder's {positions}: leave such texts out")
        whole = TeacherForcing(frames.device, self.cross_keys(frames), lengths, log_counts)
        return self(tokens, torch.full_like(tokens[:, 0], count), whole)[0]

    def cross_keys(self, frames: Tensor) -> list[tuple[Tensor, Tensor]]:
        """For each layer the keys and values (B, H, T, d) of memories (B, T, D)."""
        return [block.cross_attn.keys_and_values(frames) for block in self.blocks]

    def forward(
        self,
        tokens: Tensor,
        lengths: Tensor,
        cache: RowCache | TeacherForcing,
        watched: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Feed tokens (R, N), of which lengths (R,) are real, behind what the cache holds.

        Returns last hidden states (R, N, D) and, if the cache asks for (layer, head) pairs, their mean
        cross-attention (R', T) at the tokens `watched`, rows and places (R',) each; by default at each
        row's last real token. What a `RowCache` counts by is on the host: lengths and `watched`.
        """
        positions = cache.positions(tokens.shape[1])  # (R, N)
        mask = self.self_attention_mask(cache, positions)
        x = self.embed(tokens, positions)
        packing = cache.packing(lengths, tokens.shape[1])
        x = self.dropout(x if packing is None else packing.pack(x))
        attention = watching = None
        if cache.attention_heads:
            watching = WatchedTokens.of(tokens, lengths, watched)
        for layer, block in enumerate(self.blocks):
            x, queries = block(x, layer, cache, mask, packing)
            heads = [head for at, head in cache.attention_heads if at == layer]
            if heads:
                weights = cache.cross_attention(layer, heads, watching.select(queries), watching.rows)
                attention = weights if attention is None else attention + weights
        cache.count_tokens(lengths)
        if attention is not None:
            attention = attention / len(cache.attention_heads)
        x = self.ln(x)
        return x if packing is None else packing.pad(x), attention

    def self_attention_mask(self, cache: RowCache | TeacherForcing, positions: Tensor) -> Tensor | None:
        """What new tokens at positions (R, N) see of their rows, as blocks take it."""
        return cache.causal_mask(positions)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., D) -> (..., V) float32"""
        shared = self.output is None
        return (F.linear(hidden, self.token_embedding.weight) if shared else self.output(hidden)).float()


class SpeechModel(nn.Module):
    """Audio encoder and text decoder; `models.speech_translator` makes a Translator of it."""

    dimensions: SpeechDimensions
    encoder: AudioEncoder
    decoder: TextDecoder

    @property
    def front_end(self) -> FrontEnd:
        return WhisperFrontEnd(self.dimensions.n_mels)

    def hear(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        """What the decoder listens to, (B, T, D), of features as `AudioEncoder` takes them."""
        return self.listen(self.encoder(features, lengths))

    def listen(self, frames: Tensor, positions: Tensor | None = None) -> Tensor:
        """What the decoder listens to, of the encoder's output (..., T, D).

        positions (T,): of these frames in the audio; by default they are the first ones.
        """
        return frames

    def forward(self, features: Tensor, lengths: Tensor, tokens: Tensor) -> Tensor:
        """Teacher forcing: the decoder's hidden states (B, N, D), which `decoder.logits` turns into logits.

        features (B, mels, F), zero beyond lengths (B,); tokens (B, N) as `TextDecoder.teacher_force`
        takes them. Position n predicts token n + 1. A truncated clip is one of fewer features.
        """
        frames = self.front_end.memory_frames(lengths)
        return self.decoder.teacher_force(self.hear(features, lengths), frames, tokens)


class Whisper(SpeechModel):
    """Whisper's own encoder and decoder."""

    def __init__(self, dimensions: WhisperDimensions) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.encoder = AudioEncoder(dimensions)
        self.decoder = TextDecoder(dimensions)
