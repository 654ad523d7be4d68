"""Quality/latency curves as a picture."""

from collections.abc import Sequence
from pathlib import Path

from evaluation.metrics.curve import Curve
from foundation.errors import InputError
from foundation.files.whole_folder import replaced_file

# Those of the report (evaluation/report/page/style.css): a system looks the same in both.
COLOURS = ("#1f66b5", "#c4540f", "#218255", "#b02a72", "#7553b8", "#86690f", "#157e8c", "#a13636")
MARKERS = "osD^v"
GREY = "0.4"


def plot_curves(path: str | Path, curves: Sequence[Curve], bounds: tuple[float, float] | None = None) -> None:
    """Draw curves of the same axes with their offline qualities (dashed), and NoSE's bounds (shaded).

    An offline quality that several curves share is grey. The ending of `path` chooses the format. Raises
    InputError where matplotlib is missing, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("a plot needs matplotlib: pip install matplotlib") from None
    # A long legend would lie on the curves.
    beside = len(curves) > 5
    figure = Figure(figsize=(8.0 if beside else 6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    offline: dict[float, list[str]] = {}
    for place, curve in enumerate(curves):
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(
            [point.latency for point in curve.points],
            [point.quality for point in curve.points],
            color=colour,
            # Where colours begin again, lines tell systems apart.
            linestyle="-" if place < len(COLOURS) else ":",
            marker=MARKERS[place % len(MARKERS)],
            markersize=5,
            markeredgecolor="white",
            markeredgewidth=0.6,
            label=curve.system,
        )
        offline.setdefault(curve.offline, []).append(colour)
    for quality, colours in offline.items():
        own = len(colours) == 1 and len(curves) > 1
        axes.axhline(quality, color=colours[0] if own else GREY, linestyle="--", linewidth=1, zorder=1)
    if bounds is not None:
        axes.axvspan(*bounds, color="0.95", zorder=0)
    names = curves[0].axes
    axes.set_xlabel(names.latency_with_unit)
    axes.set_ylabel(f"{names.quality} (dashed: offline)")
    axes.grid(axis="y", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    if beside:
        figure.legend(frameon=False, loc="outside right upper")
    else:
        axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    try:
        with replaced_file(Path(path)) as file:
            figure.savefig(file, dpi=150, format=Path(path).suffix[1:] or None)
    except (OSError, ValueError) as error:
        raise InputError(f"plot {path} cannot be written: {error}") from None
