"""NoSE of whole sweeps with bootstrap intervals, over bounds common to all of them.

Near the ends of a curve many resamples of the test set do not reach bounds that the test set itself reaches;
which bounds nearly all of them reach is said, so that they can be taken.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.metrics.nose import Bounds, NoSE, check_same_axes, common_bounds, nose
from evaluation.metrics.significance import Comparison, Estimate, Resampling, compare, estimate
from evaluation.sweeps.statistics import SweepStatistics, nose_scores
from foundation.errors import InputError

# Safe bounds are missed by so many resamples in a hundred at each end: well below what an interval allows.
MISSED_PERCENT = 1.0


@dataclass(frozen=True)
class NoSEEstimate:
    """The NoSE of one system over the test set."""

    score: NoSE
    interval: (
        Estimate | None
    )  # None: too many resamples of the test set do not reach the bounds, or none drawn
    problem: str = ""  # why there is no interval, and which bounds have one


def estimate_nose(
    sweeps: Sequence[SweepStatistics], resampling: Resampling | None, bounds: Bounds | None = None
) -> list[NoSEEstimate]:
    """The NoSE of each sweep; without bounds, every resample has those that its curves have in common.

    Without a resampling there are no intervals. Raises InputError where the points make no curve, the curves
    show different metrics, or they do not reach the bounds.
    """
    scores = _scores(sweeps, bounds)
    if resampling is None:
        return [NoSEEstimate(score, None) for score in scores]
    _, resampled = resampling.scores(lambda weights: nose_scores(sweeps, weights, bounds))
    problem = _unreached(scores, resampled)
    return [
        NoSEEstimate(score, None if problem else estimate(score.score, column), problem)
        for score, column in zip(scores, resampled.T, strict=False)
    ]


def compare_nose(
    sweeps: Sequence[SweepStatistics], resampling: Resampling, bounds: Bounds | None = None
) -> tuple[list[NoSE], Comparison]:
    """The NoSE of two sweeps over common bounds, and how they differ.

    Raises InputError like `estimate_nose`, and where too few resamples reach the bounds.
    """
    scores = _scores(sweeps, bounds)
    whole, resampled = resampling.scores(lambda weights: nose_scores(sweeps, weights, bounds))
    problem = _unreached(scores, resampled)
    if problem:
        raise InputError(f"NoSE is {problem}")
    return scores, compare(whole[:2], resampled[:, :2])


def safe_bounds(reach: np.ndarray) -> Bounds | None:
    """Bounds that nearly all resamples reach, of two decimals; None where there are none.

    reach (R, 2): lowest and highest latency that all curves of a resample have; NaN where one lacks a point.
    """
    reach = np.where(np.isnan(reach), [[np.inf, -np.inf]], reach)
    low = np.percentile(reach[:, 0], 100 - MISSED_PERCENT, method="higher")
    high = np.percentile(reach[:, 1], MISSED_PERCENT, method="lower")
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    low, high = math.ceil(low * 100) / 100, math.floor(high * 100) / 100
    return (low, high) if low < high else None


def _scores(sweeps: Sequence[SweepStatistics], bounds: Bounds | None) -> list[NoSE]:
    curves = [sweep.curve() for sweep in sweeps]
    check_same_axes(curves)
    return [nose(curve, bounds or common_bounds(curves)) for curve in curves]


def _unreached(scores: Sequence[NoSE], resampled: np.ndarray) -> str:
    """Why the scores have no intervals, and how to get some; empty where they have."""
    try:
        for score, column in zip(scores, resampled.T, strict=False):
            estimate(score.score, column)
    except InputError:
        undefined = np.isnan(resampled[:, : len(scores)]).any(axis=1).sum()
        low, high = scores[0].bounds
        said = (
            f"undefined in {undefined} of {len(resampled)} resamples, which do not reach {low:g} to {high:g}"
        )
        safe = safe_bounds(resampled[:, -2:])
        if safe is None:
            return f"{said}, and no bounds are safe: add runs at lower and higher latencies, or utterances"
        return f"{said}: take --bounds {safe[0]:g} {safe[1]:g}"
    return ""
