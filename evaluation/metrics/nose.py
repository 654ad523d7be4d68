"""NoSE, normalised streaming efficiency (REINA, arXiv 2508.04946): one number for a curve.

    NoSE[x, y] = area under the piecewise-linear quality/latency curve on [x, y]
                 / (offline quality * (y - x))

1 means offline quality everywhere between the latencies x and y. The number depends on these bounds as
much as on the system, so a score never goes without them: see `NoSE.signature`. Nothing is
extrapolated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.metrics.curve import Curve
from foundation.errors import InputError

# Of the formula: it changes when the same points give another number.
VERSION = "1.0"

Bounds = tuple[float, float]


@dataclass(frozen=True)
class NoSE:
    """The score of one curve, with all that its value depends on."""

    score: float
    bounds: Bounds
    curve: Curve

    @property
    def signature(self) -> str:
        return joint_signature([self])


def joint_signature(scores: Sequence[NoSE]) -> str:
    """How scores over the same bounds were computed, in sacreBLEU's manner.

    Scores compare only where all but their systems' own values, which are listed, is the same.
    """
    first = scores[0]
    parts = {
        "metric": "NoSE",
        "bounds": f"[{_number(first.bounds[0])},{_number(first.bounds[1])}]",
        "quality": first.curve.axes.quality,
        "latency": first.curve.axes.latency,
        "unit": first.curve.axes.unit,
        "offline": ",".join(f"{score.curve.offline:g}" for score in scores),
        "decoding": ",".join(dict.fromkeys(score.curve.decoding for score in scores)),
        "points": ",".join(str(len(score.curve.points)) for score in scores),
        "version": VERSION,
    }
    return "|".join(f"{name}:{value}" for name, value in parts.items())


def nose(curve: Curve, bounds: Bounds | None = None) -> NoSE:
    """Score a curve between two latencies, by default over its whole range.

    Raises InputError when the bounds are not in order or lie outside the curve.
    """
    low, high = bounds = curve.range if bounds is None else bounds
    if not low < high:
        raise InputError(f"bounds must be in order, got {_number(low)} and {_number(high)}")
    if low < curve.range[0] or high > curve.range[1]:
        raise InputError(
            f"bounds {_interval((low, high))} lie outside the curve of {curve.system}, which goes from "
            f"{_interval(curve.range)} {curve.axes.unit} of {curve.axes.latency}: NoSE does not extrapolate"
        )
    latencies = np.array([point.latency for point in curve.points])
    qualities = np.array([point.quality for point in curve.points])
    score = nose_of(latencies, qualities, curve.offline, low, high)
    if not np.isfinite(score):
        raise InputError(
            f"NoSE of {curve.system} over {_interval((low, high))} is no finite number: its latencies, its "
            f"qualities or its offline quality {curve.offline:g} are beyond what can be computed with"
        )
    return NoSE(score, bounds, curve)


def common_bounds(curves: Sequence[Curve]) -> Bounds:
    """The widest interval of latency on which all curves are defined.

    Raises InputError for curves of different metrics or units, and when there is no such interval.
    """
    check_same_axes(curves)
    low = max(curve.range[0] for curve in curves)
    high = min(curve.range[1] for curve in curves)
    if not low < high:
        ranges = ", ".join("{} {:g} to {:g}".format(curve.system, *curve.range) for curve in curves)
        raise InputError(
            f"the curves have no latencies in common ({ranges} {curves[0].axes.unit}): "
            "add runs at latencies between"
        )
    return low, high


def check_same_axes(curves: Sequence[Curve]) -> None:
    """Raises InputError unless all curves show the same metrics in the same unit."""
    for curve in curves:
        if curve.axes != curves[0].axes:
            raise InputError(
                f"curves of different metrics cannot be compared: {curves[0].system} shows "
                f"{curves[0].axes}, {curve.system} {curve.axes}"
            )


def nose_of(latencies: np.ndarray, qualities: np.ndarray, offline: float, low: float, high: float) -> float:
    """The formula: exact area under the line through the points, as a share of what offline quality fills.

    Both arrays (P,), ordered by latency; low < high lie within the latencies, and offline is above 0.
    """
    inside = (latencies > low) & (latencies < high)
    edges = np.interp([low, high], latencies, qualities)
    x = np.concatenate([[low], latencies[inside], [high]])
    y = np.concatenate([edges[:1], qualities[inside], edges[1:]])
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.trapezoid(y, x) / (np.float64(offline) * (high - low)))


def _interval(bounds: Bounds) -> str:
    return f"{_number(bounds[0])} to {_number(bounds[1])}"


def _number(value: float) -> str:
    # All digits, so that bounds copied from a message or a signature are the same bounds.
    return repr(float(value))
