"""Takes a cache's place where all tokens are known at once, as in training.

The same modules then run without a copy of keys and values, and gradients flow through them.

Shapes: B sequences, N tokens, T memory frames, H heads, d width of a head.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


class TeacherForcing:
    """What `DecoderBlock` and its like ask of a cache, for B whole sequences."""

    attention_heads: tuple[tuple[int, int], ...] = ()

    def __init__(
        self,
        device: torch.device,
        cross: Sequence[tuple[Tensor, Tensor]] = (),
        memory_lengths: Tensor | None = None,
        log_counts: Tensor | None = None,
    ) -> None:
        """cross: for each layer keys and values (B, H, T, d); memory_lengths (B,), at least 1 each.

        log_counts (B, T), added to cross-attention logits: of `models.translator.Memory`.
        """
        self.device = device
        self._cross = cross
        self._visible = None  # (B, 1, 1, T)
        if memory_lengths is not None:
            frames = torch.arange(cross[0][0].shape[2], device=device)
            self._visible = (frames < memory_lengths[:, None])[:, None, None]
        self._bias = self._visible  # of cross-attention: a mask, or what is added to logits
        if log_counts is not None:
            self._bias = log_counts[:, None, None].masked_fill(~self._visible, -torch.inf)

    def positions(self, tokens: int) -> Tensor:
        """(1, N) positions of whole sequences, from 0."""
        return torch.arange(tokens, device=self.device)[None]

    def causal_mask(self, positions: Tensor) -> Tensor:
        """(1, 1, N, N) bool: a query sees the keys up to and including its own position."""
        return (positions[:, None] <= positions[..., None])[:, None]

    def packing(self, lengths: Tensor, tokens: int) -> None:
        """Sequences are trained padded: every shape is known without a look at the lengths."""

    def store_keys(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        return keys, values

    def count_tokens(self, tokens: Tensor) -> None:
        """Does nothing: no further token follows a whole sequence."""

    def cross_attend(self, layer: int, queries: Tensor) -> Tensor:
        """queries (B, H, N, d) -> (B, H, N, d)"""
        keys, values = self._cross[layer]
        bias = self._bias
        if bias is not None and bias.is_floating_point():
            bias = bias.to(queries.dtype)
        return F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
