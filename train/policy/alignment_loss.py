"""REINA-SAN's supervised term (arXiv 2604.09916): a token may be written once its words have been spoken.

It is added to the REINA loss with weight 1, against policies that read on for ever. A network with the
duration embedding (REINA-TAN) has the same cure already: do not combine the two.

Shapes and mask as in `train.policy.reina_loss`. Losses are sums over valid tokens.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

DEFAULT_TEMPERATURE_S = 0.5  # about a word; the paper leaves it open


def alignment_loss(
    scores: Tensor,
    heard_s: Tensor,
    spoken_s: Tensor,
    mask: Tensor,
    temperature_s: float = DEFAULT_TEMPERATURE_S,
) -> Tensor:
    """Summed cross-entropy () of WRITE against the soft label sigmoid((t - t*_n) / tau).

    scores u (B, N), of which sigmoid(-u) is the probability of WRITE; heard_s t (B,), audio heard;
    spoken_s t*_n (B, N), when the source of token n + 1 has been spoken; temperature_s tau, which the
    paper leaves open.
    """
    # Whatever stands in padding, even NaN, must not reach the gradient.
    label = torch.where(mask, ((heard_s[:, None] - spoken_s) / temperature_s).sigmoid(), 0.0)
    loss = F.binary_cross_entropy_with_logits(-scores, label, reduction="none")
    return torch.where(mask, loss, 0.0).sum()
