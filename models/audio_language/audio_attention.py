"""Attention of a language model over the audio in its prompt, as it is computed anyway.

transformers lets a model's attention function be replaced. `watch_attention` puts one there that computes
the same and shows queries and keys to an `AudioAttention`, if there is one; the full attention matrix is
never built.

Shapes: R rows, H query heads, G key heads, N new tokens, L all tokens, T audio frames, d width of a head.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.layers.row_cache import select_heads

NAME = "simulst_audio_attention"


class AudioAttention:
    """Mean attention of chosen heads, from each row's last real position over its audio frames.

    The weights of a head are divided by their sum over the audio, so that they mean what the weights of
    cross-attention do, and EDAtt's thresholds too: most of a language model's attention rests on the first
    token and on the text.
    """

    def __init__(
        self,
        heads: Sequence[tuple[int, int]],
        rows: Tensor,
        places: Tensor,
        starts: Tensor,
        lengths: Tensor,
        frames: int,
    ) -> None:
        """heads: (layer, head) pairs from 0. rows, places (P,): which of the N new positions are watched.

        starts (P,): position of the first audio frame; lengths (P,) audio frames; frames: T.
        """
        self.heads = tuple(heads)
        self._rows, self._places = rows, places
        self._audio = starts[:, None] + torch.arange(frames, device=starts.device)  # (P, T)
        self._visible = torch.arange(frames, device=starts.device) < lengths[:, None]
        self._sum = torch.zeros(self._audio.shape, device=starts.device)

    def observe(self, layer: int, queries: Tensor, keys: Tensor, scaling: float) -> None:
        """queries (R, H, N, d), keys (R, G, L, d) of one layer."""
        chosen = [head for at, head in self.heads if at == layer]
        if chosen:
            self.keep(self._weights(chosen, queries, keys, scaling))

    def keep(self, weights: Tensor) -> None:
        """weights (P, h, T) of a layer's chosen heads."""
        self._sum += weights.sum(1)

    def _weights(self, chosen: Sequence[int], queries: Tensor, keys: Tensor, scaling: float) -> Tensor:
        shared_by = queries.shape[1] // keys.shape[1]  # grouped-query attention
        # Layers may lie on several devices (`models.layers.device_map`).
        there = queries.device
        rows, places = self._rows.to(there), self._places.to(there)
        asked = select_heads(queries[rows, :, places], chosen, 1)  # (P, h, d)
        audio = self._audio.to(there).clamp(max=keys.shape[2] - 1)
        keys_of = [head // shared_by for head in chosen]
        heard = select_heads(keys[rows[:, None], :, audio], keys_of, 2)  # (P, T, h, d)
        scores = torch.einsum("rhd,rthd->rht", asked.float(), heard.float()) * scaling
        weights = scores.masked_fill(~self._visible.to(there)[:, None], -torch.inf).softmax(-1)
        return weights.to(self._audio.device)

    def mean(self) -> Tensor:
        """(P, T) float32"""
        return self._sum / len(self.heads)


class EachHeadAttention(AudioAttention):
    """The same, head by head, for whoever compares heads."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.kept: list[Tensor] = []  # of one layer after the other, (h, P, T) float32 each

    def keep(self, weights: Tensor) -> None:
        self.kept.append(weights.transpose(0, 1))


def watch_attention(language_model: nn.Module) -> None:
    """From now on `audio_attention=` among the arguments of its decoder is shown what the layers compute."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.masking_utils import sdpa_mask

    def attend(module, query, key, value, attention_mask, audio_attention=None, **settings):
        if audio_attention is not None:
            audio_attention.observe(module.layer_idx, query, key, module.scaling)
        return sdpa_attention_forward(module, query, key, value, attention_mask, **settings)

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    language_model.set_attn_implementation(NAME)
