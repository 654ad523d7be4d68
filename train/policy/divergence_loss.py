"""DiG-SST's objective (Chen et al. 2024, "Divergence-Guided Simultaneous Speech Translation").

The policy network predicts how far the next-token distribution with the audio so far is from the one
with all audio; at each position it regresses the expected divergence, which a squared error gives.

Shapes and mask as in `train.policy.reina_loss`. Losses are sums over valid tokens.
"""

import math

import torch
from torch import Tensor

from models.policy.network import predicted_divergence

DIVERGENCES = ("jensen-shannon", "kullback-leibler", "jensen-shannon-distance")


def divergence(partial_logits: Tensor, full_logits: Tensor, kind: str = "jensen-shannon") -> Tensor:
    """The divergence (B, N) in nats, without gradient, of two passes with logits (B, N, V).

    Jensen-Shannon is at most log 2, so a few surprising tokens do not rule the squared error; its distance
    is its square root (Endres and Schindelin 2003), which spreads the small values that thresholds lie
    among; kullback-leibler is KL(full || partial). Raises ValueError for another kind.
    """
    if kind not in DIVERGENCES:
        raise ValueError(f"divergence must be one of {', '.join(DIVERGENCES)}, got {kind!r}")
    with torch.no_grad():
        partial, full = partial_logits.float().log_softmax(-1), full_logits.float().log_softmax(-1)
        if kind == "kullback-leibler":
            return _kl(full, partial)
        middle = torch.logaddexp(partial, full) - math.log(2)
        found = (_kl(partial, middle) + _kl(full, middle)) / 2
        # Rounding may leave equal distributions just below 0.
        return found.clamp(min=0).sqrt() if kind == "jensen-shannon-distance" else found


def divergence_loss(scores: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Summed squared error () of the predictions from scores u (B, N) against target (B, N)."""
    error = predicted_divergence(scores) - target.detach()
    return torch.where(mask, error, 0.0).square().sum()


def _kl(p: Tensor, q: Tensor) -> Tensor:
    """The Kullback-Leibler divergence KL(p || q) of log-probabilities (..., V)."""
    return (p.exp() * (p - q)).sum(-1)
