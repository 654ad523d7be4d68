"""NoSE of whole sweeps under resampling: all points of all curves hear the same utterances.

By default every resample has its own bounds, the widest interval common to its curves, as the score has
it for the test set itself. With given bounds NoSE is NaN in resamples whose curves do not reach them.

Shapes: N utterances, R resamples, P points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.metrics.curve import Axes, Curve, OperatingPoint
from evaluation.metrics.nose import Bounds, nose_of
from evaluation.metrics.quality_statistics import Statistics
from evaluation.metrics.significance import mean_of


@dataclass(frozen=True)
class PointStatistics:
    """What scores one run of a sweep on any resample."""

    setting: str
    latency: np.ndarray  # (N,) of each utterance, in the unit of the axes
    quality: Statistics

    def scores(self, weights: np.ndarray) -> np.ndarray:
        """weights (R, N) -> latency and quality, (R, 2)."""
        return np.stack([mean_of(self.latency, weights), self.quality.resampled_scores(weights)], axis=1)


@dataclass(frozen=True)
class SweepStatistics:
    """One system: its points, and its offline run."""

    system: str
    points: Sequence[PointStatistics]
    offline: Statistics
    axes: Axes
    decoding: str  # of the offline run

    def curve(self) -> Curve:
        """The curve of the test set itself. Raises InputError where the points make none."""
        whole = np.ones((1, len(self.points[0].latency)))
        points = [OperatingPoint(*point.scores(whole)[0].tolist(), point.setting) for point in self.points]
        offline = self.offline.resampled_scores(whole).item()
        return Curve(self.system, tuple(points), offline, self.axes, self.decoding)

    def curves(self, weights: np.ndarray) -> np.ndarray:
        """weights (R, N) -> latencies and qualities, (R, P, 2), ordered by latency in each resample."""
        points = np.stack([point.scores(weights) for point in self.points], axis=1)
        order = np.argsort(points[:, :, 0], axis=1)
        return np.take_along_axis(points, order[:, :, None], axis=1)


def nose_scores(
    sweeps: Sequence[SweepStatistics], weights: np.ndarray, bounds: Bounds | None = None
) -> np.ndarray:
    """weights (R, N) -> (R, number of sweeps + 2).

    First NoSE of each sweep over common bounds, then the lowest and the highest latency that all curves of
    the resample reach.
    """
    curves = [sweep.curves(weights) for sweep in sweeps]
    offline = [sweep.offline.resampled_scores(weights) for sweep in sweeps]
    scores = np.full((len(weights), len(sweeps) + 2), np.nan)
    for row in range(len(weights)):
        # NaN where a point has no latency in the resample, as of segments that were all written too late: a
        # curve that lacks a point is another curve.
        lacking = any(np.isnan(curve[row, :, 0]).any() for curve in curves)
        low = np.nan if lacking else max(curve[row, 0, 0] for curve in curves)
        high = np.nan if lacking else min(curve[row, -1, 0] for curve in curves)
        scores[row, -2:] = low, high
        if bounds is not None:
            if not (low <= bounds[0] and bounds[1] <= high):
                continue
            low, high = bounds
        if not low < high:
            continue
        for place, curve in enumerate(curves):
            if offline[place][row] > 0:
                points = curve[row, :, 0], curve[row, :, 1]
                scores[row, place] = nose_of(*points, offline[place][row], low, high)
    return scores
