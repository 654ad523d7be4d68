"""REINA's loss (arXiv 2508.04946, Eq. 3-6): a policy network's score follows the information gain.

    F_n = log p(s_n+1 | all audio, s_<=n) - log p(s_n+1 | audio so far, s_<=n)      the gain
    L_p = -mean_n q_n BN[F_n]                                                       Eq. 3-5
    L_m = mean_n max(max_m<n q_m - q_n - eps, 0)                                    Eq. 6
    L_r = mean_n q_n^2
    L   = L_p + L_m + lambda L_r

BN normalises over all valid tokens of the global batch and has no parameters. The paper's q is
sigmoid(u); with q = u the first and last term have their minimum at q* = E[BN[F] | h] / (2 lambda).

The reference's one token makes F_n a noisy sample. Its mean over what the model itself would write with all
audio, KL(p(. | all audio) || p(. | audio so far)), can be taken in its place; it is never negative. So can
the Jensen-Shannon divergence of both, whose bound keeps a few large gains from ruling BN and the covariance.
All of these count it as gain, too, if the model only becomes surer of what it would write anyhow. The regret
does not: by how much the token that the model would write now is less likely, with all audio, than the one
that it would write then. It is 0 where that is the same token, and 1 at most.

Losses are sums over the valid tokens of this process; the caller divides by the number of tokens of
the global batch (`train.recipes.global_batch.global_mean`, or the trainer's own normalisation).

Shapes: B clips, N tokens, V vocabulary. Position n predicts token n + 1; mask (B, N) bool is true where
that token is one of the text or its end.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.policy.network import SCORES
from train.policy.divergence_loss import DIVERGENCES, divergence
from train.recipes.global_batch import global_sum

VARIANCE_FLOOR = 1e-5  # BatchNorm's
REGRET = "regret"
GAINS = ("reference", *DIVERGENCES, REGRET)


@dataclass(frozen=True)
class ReinaLossOptions:
    """The constants of the loss. Defaults are the paper's, but for the score (see the module's docstring)."""

    score: str = "logit"  # one of SCORES; must be the network's own
    margin: float = 0.5  # eps
    monotonicity_weight: float = 1.0  # 0 leaves L_m out
    norm_weight: float = 0.05  # lambda

    def __post_init__(self) -> None:
        if self.score not in SCORES:
            raise ValueError(f"score must be one of {', '.join(SCORES)}, got {self.score!r}")
        for name in ("margin", "monotonicity_weight", "norm_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name):g}")


@dataclass(frozen=True)
class ReinaLoss:
    """The terms of the loss, summed over valid tokens; weights are applied in `total` only."""

    covariance: Tensor  # L_p
    monotonicity: Tensor  # L_m
    norm: Tensor  # L_r
    total: Tensor
    tokens: Tensor  # () int64


def information_gain(
    partial_logits: Tensor, full_logits: Tensor, targets: Tensor, kind: str = "reference"
) -> Tensor:
    """F (B, N) in nats, without gradient, from logits (B, N, V) and targets (B, N).

    kind: one of GAINS.
    """
    if kind in DIVERGENCES:
        return divergence(partial_logits, full_logits, kind)
    if kind == REGRET:
        return regret(partial_logits, full_logits)
    with torch.no_grad():
        partial, full = (
            -F.cross_entropy(logits.float().transpose(1, 2), targets, reduction="none")
            for logits in (partial_logits, full_logits)
        )
        return full - partial


@torch.no_grad()
def regret(partial_logits: Tensor, full_logits: Tensor) -> Tensor:
    """(B, N) from 0 to 1, of logits (B, N, V): what writing the likeliest token now would cost."""
    full = full_logits.float().softmax(-1)
    now = partial_logits.argmax(-1, keepdim=True)
    return full.amax(-1) - full.gather(-1, now)[..., 0]


def normalised(gain: Tensor, mask: Tensor) -> Tensor:
    """BN[F] (B, N): mean 0 and variance 1 over the valid tokens of all processes; 0 elsewhere."""
    gain = torch.where(mask, gain.detach().float(), 0.0)
    count, total = global_sum(torch.stack([mask.sum().float(), gain.sum()]))
    centred = torch.where(mask, gain - total / count.clamp(min=1), 0.0)
    variance = global_sum((centred**2).sum()) / count.clamp(min=1)
    return centred / (variance + VARIANCE_FLOOR).sqrt()


def reina_loss(scores: Tensor, gain: Tensor, mask: Tensor, options: ReinaLossOptions) -> ReinaLoss:
    """scores u (B, N) of the policy network, gain F (B, N), mask (B, N) bool.

    Takes part in two reductions over all processes.
    """
    q = scores.sigmoid() if options.score == "probability" else scores
    q = torch.where(mask, q, 0.0)
    covariance = -(q * normalised(gain, mask)).sum()
    earlier = q.masked_fill(~mask, -torch.inf).cummax(dim=1).values[:, :-1]
    drop = (earlier - q[:, 1:] - options.margin).clamp(min=0)
    monotonicity = torch.where(mask[:, 1:], drop, 0.0).sum()
    norm = (q**2).sum()
    total = covariance + options.monotonicity_weight * monotonicity + options.norm_weight * norm
    return ReinaLoss(covariance, monotonicity, norm, total, mask.sum())
