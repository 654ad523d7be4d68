"""Layers of the audio towers that transformers copied from Whisper, over padded rows.

Shapes: B rows, T frames, W width of the tower, H heads.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.whisper.network import valid_positions


def run_layers(layers: Iterable[nn.Module], x: Tensor, lengths: Tensor) -> Tensor:
    """(B, T, W) -> (B, T, W), as transformers computes it; rows attend to their first lengths (B,)."""
    visible = valid_positions(lengths, x.shape[1])
    mask = None if bool(visible.all()) else visible[:, None, None]  # (B, 1, 1, T)
    for layer in layers:
        attention = layer.self_attn
        normed = layer.self_attn_layer_norm(x)
        queries, keys, values = (
            project(normed).unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)  # (B, H, T, W / H)
            for project in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        attended = F.scaled_dot_product_attention(queries, keys, values, mask)
        x = x + attention.out_proj(attended.transpose(1, 2).flatten(2))
        x = x + layer.fc2(layer.activation_fn(layer.fc1(layer.final_layer_norm(x))))
        if x.dtype == torch.float16:  # as transformers does
            limit = torch.finfo(x.dtype).max - 1000
            x = x.clamp(-limit, limit)
    return x
