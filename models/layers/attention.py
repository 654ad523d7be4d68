"""Attention over cached keys."""

import torch
import torch.nn.functional as F
from torch import Tensor


def attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """queries (R, H, N, d) over those keys and values (R, H, L, d) that mask (R, 1, N, L) shows.

    Returns (R, H, N, d). For one query PyTorch's kernel for processors takes twice as long as plain products.
    """
    one_query = queries.shape[2] == 1
    if not (one_query and queries.device.type == "cpu" and queries.dtype == torch.float32):
        return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-1, -2)
    if mask is not None:
        scores.masked_fill_(~mask, -torch.inf)
    return scores.softmax(-1) @ values
