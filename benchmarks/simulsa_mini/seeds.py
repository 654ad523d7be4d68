"""Fine-tunings with several seeds: what each kind of them reaches on average, and over another kind.

    python -m benchmarks.simulsa_mini.seeds SWEEP --baseline sft --plot means.png

SWEEP is the folder of a finished `simulst sweep` whose systems are named by kind and seed (sft-1, sft-2).
For each language pair two tables are printed. In the first, a line for each setting of a kind: the means
over its seeds of quality and latency, how much its quality is over the baseline's, and how far the seeds
lie apart. In the second, a line for each kind: NoSE of the curve through its means, on the latencies that
all of them reach, and the difference to the baseline's on those that the two reach. The plots of several
language pairs are told apart by their names before the ending.

For the 95% intervals utterances and seeds are drawn anew, the same ones for all kinds. Of few seeds, draws
vary less than trainings do (three: by a fifth), so that an interval which just leaves out 0 proves little.

Exit status: that of `foundation.command_end`.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from evaluation.metrics.curve_plot import plot_curves
from evaluation.metrics.nose_intervals import compare_nose, estimate_nose
from evaluation.metrics.quality_statistics import Statistics
from evaluation.metrics.significance import Estimate, Resampling, Statistic, compare, estimate
from evaluation.sweeps.finished_sweep import FinishedSweep, read_sweep
from evaluation.sweeps.statistics import PointStatistics, SweepStatistics
from evaluation.table import TABLES, Row
from foundation.command_end import exit_status
from foundation.errors import InputError

NAME = re.compile(r"(?P<kind>.+)-(?P<seed>\d+)")


@dataclass(frozen=True)
class SeededResampling(Resampling):
    """Draws of utterances and of seeds: rows of weights (R, N + S), whose last S columns are of the seeds."""

    seeds: int = field(kw_only=True)

    def scores(self, *statistics: Statistic) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng(self.seed)
        draws = [
            generator.multinomial(count, np.full(count, 1 / count), size=self.resamples)
            for count in (self.utterances, self.seeds)
        ]
        drawn = np.concatenate(draws, axis=1).astype(np.float64)
        whole = np.ones((1, self.utterances + self.seeds))
        found = [np.column_stack([of(weights) for of in statistics]) for weights in (whole, drawn)]
        return found[0][0], found[1]


def _mean_of_seeds(scores: Sequence[Statistic], weights: np.ndarray) -> np.ndarray:
    """scores: of each seed; weights (R, N + S) -> the means of the seeds that are drawn, (R,) or (R, K)."""
    utterances, draws = np.split(weights, [-len(scores)], axis=1)
    each = np.stack([one(utterances) for one in scores], axis=1)
    return np.einsum("rs,rs...->r...", draws / draws.sum(axis=1, keepdims=True), each)


@dataclass(frozen=True)
class MeanQuality:
    """The mean over seeds of their scores."""

    seeds: Sequence[Statistics]

    def resampled_scores(self, weights: np.ndarray) -> np.ndarray:
        """weights (R, N + S) -> (R,)."""
        return _mean_of_seeds([one.resampled_scores for one in self.seeds], weights)


@dataclass(frozen=True)
class MeanPoint:
    """One setting of a kind: the means over its seeds."""

    setting: str
    seeds: Sequence[PointStatistics]

    @property
    def latency(self) -> np.ndarray:
        """Nothing but its length, N + S, is asked for."""
        return np.zeros(len(self.seeds[0].latency) + len(self.seeds))

    def scores(self, weights: np.ndarray) -> np.ndarray:
        """weights (R, N + S) -> latency and quality, (R, 2)."""
        return _mean_of_seeds([one.scores for one in self.seeds], weights)


def kinds(sweep: FinishedSweep) -> dict[str, SweepStatistics]:
    """The mean curve of each kind, in the order of the sweep.

    Raises InputError for a name without a seed, where kinds have different seeds, and where the seeds of a
    kind were not run at the same settings.
    """
    found: dict[str, dict[str, SweepStatistics]] = {}
    for system in sweep.systems:
        name = NAME.fullmatch(system.name)
        if not name:
            raise InputError(f"{sweep.folder}: system {system.name} is not named KIND-SEED, as in sft-1")
        found.setdefault(name["kind"], {})[name["seed"]] = sweep.statistics(system, sweep.axes)
    first, *others = found
    for kind in others:
        if sorted(found[kind]) != sorted(found[first]):
            raise InputError(
                f"{sweep.folder}: {kind} has the seeds {', '.join(sorted(found[kind]))}, but {first} "
                f"{', '.join(sorted(found[first]))}: finish the sweep"
            )
    return {kind: _mean(kind, [seeds[name] for name in sorted(seeds)]) for kind, seeds in found.items()}


def _mean(kind: str, seeds: Sequence[SweepStatistics]) -> SweepStatistics:
    settings = [[point.setting for point in seed.points] for seed in seeds]
    for seed, own in zip(seeds, settings, strict=True):
        if sorted(own) != sorted(settings[0]):
            raise InputError(f"{seed.system} was run at {own}, but {seeds[0].system} at {settings[0]}")
    points = [
        MeanPoint(setting, [point for seed in seeds for point in seed.points if point.setting == setting])
        for setting in settings[0]
    ]
    offline = MeanQuality([seed.offline for seed in seeds])
    return SweepStatistics(kind, points, offline, seeds[0].axes, seeds[0].decoding)


def point_rows(curves: Sequence[SweepStatistics], baseline: str, resampling: Resampling) -> list[Row]:
    """A line for each setting of each kind, with its difference to the baseline's at the same setting."""
    before = {point.setting: point for curve in curves if curve.system == baseline for point in curve.points}
    all_once = np.ones((1, resampling.utterances))
    rows = []
    for curve in curves:
        quality, latency = curve.axes.quality, f"{curve.axes.latency}_{curve.axes.unit}"
        for point in curve.points:
            whole, resampled = resampling.scores(point.scores)
            row = {"kind": curve.system, "setting": point.setting, "seeds": len(point.seeds)}
            row |= _cells(quality, estimate(whole[1], resampled[:, 1])) | {latency: whole[0]}
            row["range_of_seeds"] = float(np.ptp([seed.scores(all_once)[0, 1] for seed in point.seeds]))
            if curve.system != baseline and point.setting in before:
                pair = resampling.scores(before[point.setting].scores, point.scores)
                row |= _cells(f"over_{baseline}", compare(pair[0][[1, 3]], pair[1][:, [1, 3]]).difference)
            rows.append(row)
    return rows


def curve_rows(curves: Sequence[SweepStatistics], baseline: str, resampling: Resampling) -> list[Row]:
    """A line for each kind: its NoSE on common bounds, and how it differs from the baseline's by pairs."""
    [before] = [curve for curve in curves if curve.system == baseline]
    rows = []
    for curve, found in zip(curves, estimate_nose(curves, resampling), strict=True):
        score = found.score
        row = {"kind": curve.system, "offline": score.curve.offline}
        row |= score.curve.axes.bound_columns(*score.bounds) | {"NoSE": score.score}
        if found.interval:
            row |= _cells("NoSE", found.interval)
        if curve is not before:
            pair, compared = compare_nose([before, curve], resampling)
            low, high = pair[0].bounds
            row |= {"pair_from": low, "pair_to": high}
            row |= _cells(f"over_{baseline}", compared.difference) | {"p": compared.p_value}
        rows.append(row)
    return rows


def _cells(name: str, found: Estimate) -> Row:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def run(options: argparse.Namespace) -> None:
    for sweep in read_sweep(options.sweep):
        curves = list(kinds(sweep).values())
        names = [curve.system for curve in curves]
        if options.baseline not in names:
            raise InputError(f"there is no kind {options.baseline!r}: give one of {', '.join(names)}")
        seeds = len(curves[0].points[0].seeds)
        resampling = SeededResampling(len(sweep.logs[0].utterances), seeds=seeds)
        if sweep.languages:
            print(sweep.languages)
        print(TABLES[options.format](point_rows(curves, options.baseline, resampling)) + "\n")
        if any(len(curve.points) < 2 for curve in curves):
            print("no curves: they need at least 2 settings of each kind\n")
            continue
        print(TABLES[options.format](curve_rows(curves, options.baseline, resampling)) + "\n")
        if options.plot:
            suffix = f"_{sweep.languages}" if sweep.languages else ""
            file = options.plot.with_stem(options.plot.stem + suffix)
            plot_curves(file, [curve.curve() for curve in curves])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sweep", help="the folder of a finished sweep")
    parser.add_argument("--baseline", required=True, help="the kind that others are compared with")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the curves of the means")
    parser.add_argument("--format", choices=list(TABLES), default="table", help="default: table")
    options = parser.parse_args(arguments)
    return exit_status(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
