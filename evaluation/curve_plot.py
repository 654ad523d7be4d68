"""Quality/latency curves as a picture."""

from collections.abc import Sequence
from pathlib import Path

from evaluation.curve import Curve
from models.errors import InputError


def plot_curves(path: str | Path, curves: Sequence[Curve], bounds: tuple[float, float] | None = None) -> None:
    """Draw curves of the same axes with their offline qualities (dashed), and NoSE's bounds (grey).

    The ending of `path` chooses the format. Raises InputError where matplotlib is missing, or the file
    cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("a plot needs matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for curve in curves:
        latencies = [point.latency for point in curve.points]
        qualities = [point.quality for point in curve.points]
        (line,) = axes.plot(latencies, qualities, marker="o", markersize=4, label=curve.system)
        axes.axhline(curve.offline, color=line.get_color(), linestyle="--", linewidth=1)
    if bounds is not None:
        axes.axvspan(*bounds, color="0.93", zorder=0)
    names = curves[0].axes
    axes.set_xlabel(f"{names.latency} ({names.unit})")
    axes.set_ylabel(f"{names.quality} (dashed: offline)")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise InputError(f"plot {path} cannot be written: {error}") from None
