"""The command line of `simulst nose`, checked before anything slow is imported."""

from dataclasses import dataclass

from evaluation.metrics.curve import Axes
from evaluation.metrics.metric_names import TABLE_FORMATS
from foundation.errors import InputError
from foundation.options import option

# Flags of files of points, and of sweeps: each needs to be told what the other holds itself.
POINTS_ONLY = ("offline", "decoding", "unit")
SWEEPS_ONLY = ("systems", "resamples", "seed")


@dataclass(frozen=True)
class NoseArguments:
    """Sweeps, or files of points, and the bounds between which they are scored."""

    sweeps: tuple[str, ...] = option(
        (), "The folders of sweeps.", metavar="SWEEP", positional=True, is_path=True
    )
    points: tuple[str, ...] = option(
        (), "Files with the columns latency, quality, setting.", metavar="FILE.tsv", is_path=True
    )
    bounds: tuple[float, float] | None = option(
        None,
        "The bounds of latency, in s for sweeps; default: the widest that all curves are defined on.",
        metavar=("X", "Y"),
    )
    quality_metric: str | None = option(
        None, f"The quality metric; default: a sweep's first, for points {Axes.quality}."
    )
    latency_metric: str | None = option(
        None, f"The latency metric; default: a sweep's first, for points {Axes.latency}."
    )
    format: str = option("table", "The form of the table.", TABLE_FORMATS)
    plot: str | None = option(None, "Draw the curves into this file.", metavar="FILE.png", is_path=True)
    systems: tuple[str, ...] | None = option(
        None, "Sweeps: score these systems only; default: all.", metavar="NAME"
    )
    resamples: int | None = option(
        None,
        "Sweeps: the resamples of the bootstrap; 0: no intervals; default: 1000.",
        at_least=0,
        at_most=10_000_000,
    )
    seed: int | None = option(None, "Sweeps: the seed of the bootstrap; default: 0.", at_least=0)
    offline: tuple[float, ...] | None = option(
        None, "Points: the offline quality for each file.", metavar="Q"
    )
    decoding: str | None = option(None, "Points: how the offline quality was decoded.")
    unit: str | None = option(None, f"Points: the unit of latency; default: {Axes.unit}.")

    def __post_init__(self) -> None:
        if bool(self.sweeps) == bool(self.points):
            raise InputError("give the folders of sweeps, or files of points by --points, but not both")
        given, others = ("--points", SWEEPS_ONLY) if self.points else ("a sweep", POINTS_ONLY)
        for name in others:
            if getattr(self, name) is not None:
                raise InputError(f"--{name} does not go with {given}: leave it out")
