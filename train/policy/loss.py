"""The loss of stage 3 in all its forms: REINA, REINA-SAN and DiG-SST.

Shapes: B clips, N positions, D width.
"""

import math
from dataclasses import dataclass

from torch import Tensor

from foundation.errors import InputError
from train.policy.alignment_loss import alignment_loss
from train.policy.divergence_loss import divergence_loss
from train.policy.reina_loss import ReinaLossOptions, reina_loss


@dataclass(frozen=True)
class Lesson:
    """What a policy network can learn from one batch. All without gradient."""

    hidden: Tensor  # (B, N, D) of the translator that heard part of the audio
    heard_s: Tensor  # (B,) how much that was
    goal: Tensor  # (B, N) what its score should follow: the gain, or the divergence
    mask: Tensor  # (B, N) bool: positions that count
    spoken_s: Tensor | None  # (B, N) when the source of token n + 1 has been spoken, on request


@dataclass(frozen=True)
class PolicyLoss:
    """The loss of stage 3, in one of its forms."""

    objective: str
    reina: ReinaLossOptions
    alignment_weight: float  # of REINA-SAN's term; 0: none
    alignment_temperature_s: float

    def __call__(self, scores: Tensor, lesson: Lesson) -> dict[str, Tensor]:
        """Sums over the positions that count, `loss` first, then what it consists of."""
        if self.objective == "divergence":
            return {"loss": divergence_loss(scores, lesson.goal, lesson.mask)}
        terms = reina_loss(scores, lesson.goal, lesson.mask, self.reina)
        total = terms.total
        if lesson.spoken_s is not None:
            total = total + self.alignment_weight * alignment_loss(
                scores, lesson.heard_s, lesson.spoken_s, lesson.mask, self.alignment_temperature_s
            )
        return {
            "loss": total,
            "covariance": terms.covariance,
            "monotonicity": terms.monotonicity,
            "norm": terms.norm,
        }


def check_policy(
    objective: str, hears_duration: bool, alignment_weight: float, alignment_temperature_s: float
) -> None:
    """Raises InputError for cures that exclude each other, and for numbers that make no sense."""
    if not 0 <= alignment_weight < math.inf:
        raise InputError(f"alignment_weight must be 0 or more, got {alignment_weight:g}")
    if not 0 < alignment_temperature_s < math.inf:
        raise InputError(f"alignment_temperature_s must be above 0, got {alignment_temperature_s:g}")
    if alignment_weight and hears_duration:
        raise InputError(
            "the duration embedding (REINA-TAN) and the alignment term (REINA-SAN) are two cures for one "
            "illness: set hears_duration to false or alignment_weight to 0"
        )
    if alignment_weight and objective != "gain":
        raise InputError("the alignment term belongs to the objective `gain`: set alignment_weight to 0")
