"""Draws word errors against LAAL from the points of a sweep, such as default_hearing.yaml's.

python -m benchmarks.whisper_bass.plot --points outputs/whisper-bass/points.tsv --output curves.png
"""

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from evaluation.metrics.curve_plot import COLOURS
from evaluation.sweeps.layout import OFFLINE
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.errors import InputError
from foundation.files.whole_folder import replaced_file
from foundation.options import REQUIRED, check_options, option

NEEDED = ("system", "WER_NORM", "LAAL_s")


@dataclass(frozen=True)
class PlotOptions:
    """What is drawn."""

    points: Path = option(REQUIRED, "This points.tsv of a finished sweep is drawn.")
    output: Path = option(REQUIRED, "This PNG file is written.")

    def __post_init__(self) -> None:
        check_options(self)


def read_curves(path: Path) -> dict[str, list[tuple[float, float]]]:
    """(LAAL in s, WER in %) of all settings of each system, sooner ones first; "offline" is one of them."""
    if not path.is_file():
        raise InputError(f"{path} is not there: name the points.tsv of a finished sweep")
    curves: dict[str, list[tuple[float, float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            missing = [name for name in NEEDED if name not in row]
            if missing:
                raise InputError(f"{path} has no column {missing[0]}: run the sweep with that metric")
            curves.setdefault(row["system"], []).append((float(row["LAAL_s"]), float(row["WER_NORM"])))
    return {system: sorted(points) for system, points in curves.items()}


def plot_curves(path: Path, curves: dict[str, list[tuple[float, float]]]) -> None:
    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    axes = figure.subplots()
    for _, errors in curves.get(OFFLINE, [])[:1]:
        axes.axhline(errors, color="0.4", linestyle="--", linewidth=1, label=OFFLINE)
    systems = [system for system in curves if system != OFFLINE]
    for place, system in enumerate(systems):
        lags, errors = zip(*curves[system], strict=True)
        axes.plot(lags, errors, marker="o", markersize=5, color=COLOURS[place % len(COLOURS)], label=system)
    axes.set_xlabel("LAAL (s)")
    axes.set_ylabel("word error rate (%), lower is better")
    axes.set_ylim(bottom=0)
    axes.grid(color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    with replaced_file(path) as file:
        figure.savefig(file, dpi=120, format="png")


def run(options: PlotOptions) -> None:
    plot_curves(options.output, read_curves(options.points))


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    program = "python -m benchmarks.whisper_bass.plot"
    return exit_status(lambda: run(parse(PlotOptions, program, __doc__.split("\n")[0], words)))


if __name__ == "__main__":
    sys.exit(main())
