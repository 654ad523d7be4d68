"""NoSE of whole sweeps with bootstrap intervals, over bounds common to all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.nose import Bounds, NoSE, check_same_axes, common_bounds, nose
from evaluation.significance import Estimate, Resampling, estimate
from evaluation.sweep_statistics import SweepStatistics, nose_scores
from models.errors import InputError


@dataclass(frozen=True)
class NoSEEstimate:
    """The NoSE of one system over the test set."""

    score: NoSE
    interval: Estimate | None  # None: too many resamples of the test set do not reach the bounds


def estimate_nose(
    sweeps: Sequence[SweepStatistics], resampling: Resampling, bounds: Bounds | None = None
) -> list[NoSEEstimate]:
    """The NoSE of each sweep; without bounds, every resample has those that its curves have in common.

    Raises InputError where the points make no curve, the curves show different metrics, or they do not
    reach the bounds.
    """
    curves = [sweep.curve() for sweep in sweeps]
    check_same_axes(curves)
    scores = [nose(curve, bounds or common_bounds(curves)) for curve in curves]
    _, resampled = resampling.scores(lambda weights: nose_scores(sweeps, weights, bounds))
    intervals = [_interval(score.score, column) for score, column in zip(scores, resampled.T, strict=True)]
    return [NoSEEstimate(score, interval) for score, interval in zip(scores, intervals, strict=True)]


def _interval(value: float, resampled: np.ndarray) -> Estimate | None:
    try:
        return estimate(value, resampled)
    except InputError:
        return None
