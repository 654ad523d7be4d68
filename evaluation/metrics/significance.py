"""Paired bootstrap over utterances (Koehn 2004): intervals for scores, p-values for differences.

Utterances are drawn with replacement, the same draw for both systems; scores of a draw are computed from
numbers kept for each utterance, so nothing is decoded again. A draw is a row of weights: how often it
holds each utterance.

Shapes: N utterances, R resamples, K scores.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from foundation.errors import InputError

# weights (R, N) -> a score of each resample, (R,); or several scores, (R, K)
Statistic = Callable[[np.ndarray], np.ndarray]

# Bounds the memory that weights take, whatever the number of resamples.
BLOCK = 256

# 95% lie between the tails, each of one part in so many.
TAILS = 40

# More undefined resamples than this would bias what is left.
UNDEFINED_SHARE = 0.05


@dataclass(frozen=True)
class Resampling:
    """Draws from a test set of so many utterances: the same ones for every statistic."""

    utterances: int
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resamples < 100:
            raise InputError(f"a 95% interval needs at least 100 resamples, got {self.resamples}")

    def scores(self, *statistics: Statistic) -> tuple[np.ndarray, np.ndarray]:
        """Scores of the test set itself, (K,), and of all resamples, (R, K); columns of all statistics."""
        generator = np.random.default_rng(self.seed)
        shares = np.full(self.utterances, 1 / self.utterances)
        scores = [_score(statistics, np.ones((1, self.utterances)))]
        for start in range(0, self.resamples, BLOCK):
            rows = min(BLOCK, self.resamples - start)
            weights = generator.multinomial(self.utterances, shares, size=rows)
            scores.append(_score(statistics, weights.astype(np.float64)))
        return scores[0][0], np.concatenate(scores[1:])


@dataclass(frozen=True)
class Estimate:
    """A score with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Two systems by one metric."""

    first: Estimate
    second: Estimate
    difference: Estimate  # second - first
    p_value: float  # two-sided: chance of such a difference between systems that are equally good


def mean_of(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of values (N,) in each resample, (R,); NaN values are left out, as SimulEval does."""
    defined = np.isfinite(values)
    counts = weights @ defined
    with np.errstate(invalid="ignore"):
        return (weights @ np.where(defined, values, 0.0)) / counts


def mean(values: np.ndarray) -> float:
    """The mean of values (N,) without NaN ones; NaN if there are no others."""
    return mean_of(values, np.ones((1, len(values)))).item()


def estimate(value: float, resampled: np.ndarray) -> Estimate:
    """Percentile interval from scores (R,) of resamples: sorted, the R/40-th from either end.

    Ends that are resamples themselves, and no mean of two, leave out 0 exactly where `compare` has p < .05.
    Raises InputError when too many are NaN.
    """
    defined = resampled[np.isfinite(resampled)]
    if len(defined) < (1 - UNDEFINED_SHARE) * len(resampled):
        raise InputError(
            f"the score is undefined in {len(resampled) - len(defined)} of {len(resampled)} resamples of the "
            "test set: take more utterances, or for NoSE --bounds further inside the curves"
        )
    place = len(defined) // TAILS
    low, high = np.partition(defined, [place - 1, len(defined) - place])[[place - 1, len(defined) - place]]
    return Estimate(float(value), float(low), float(high))


def compare(whole: np.ndarray, resampled: np.ndarray) -> Comparison:
    """whole (2,): scores of both systems; resampled (R, 2). Raises InputError like `estimate`.

    Interval and p come from the same differences: p is twice the share of resamples in which the better
    system is no better, so p is below .05 exactly where the 95% interval leaves out 0.
    """
    differences = resampled[:, 1] - resampled[:, 0]
    # What rounding makes of no difference is none.
    differences[np.abs(differences) < 1e-9] = 0.0
    interval = estimate(whole[1] - whole[0], differences)
    defined = differences[np.isfinite(differences)]
    against = min((defined <= 0).sum(), (defined >= 0).sum())
    # One is added for the test set itself, so that no p-value is 0.
    p_value = min(1.0, 2 * (against + 1) / (len(defined) + 1))
    return Comparison(
        estimate(whole[0], resampled[:, 0]), estimate(whole[1], resampled[:, 1]), interval, float(p_value)
    )


def _score(statistics: Sequence[Statistic], weights: np.ndarray) -> np.ndarray:
    return np.column_stack([statistic(weights) for statistic in statistics])
