"""simulst nose SWEEP [SWEEP2 ...] [--bounds X Y] [--systems NAME ...] [--plot FILE.png] [--format latex]
simulst nose --points FILE.tsv [FILE2.tsv ...] --offline Q [Q2 ...] [--bounds X Y] [--plot FILE.png]

A SWEEP is the folder of a `simulst sweep`: its systems, and those of all other sweeps given, are scored
over common bounds, in seconds of latency, with 95% intervals by a bootstrap over utterances. Language pairs
are scored one after the other. A file of points (see evaluation/metrics/curve.py) holds one system, and has
no intervals.

The last line (of each language pair) begins with the score, or with the scores of several systems in the
order of the table above it; the signature follows.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evaluation.commands.nose_arguments import NoseArguments
from evaluation.logs.run_log import check_same_test_set
from evaluation.metrics.curve import Axes, Curve, read_points
from evaluation.metrics.curve_plot import plot_curves
from evaluation.metrics.latency import unit_of
from evaluation.metrics.nose import common_bounds, joint_signature, nose
from evaluation.metrics.nose_intervals import NoSEEstimate, estimate_nose
from evaluation.metrics.significance import Resampling
from evaluation.sweeps.finished_sweep import FinishedSweep, read_sweep
from evaluation.sweeps.statistics import SweepStatistics
from evaluation.table import TABLES, Row
from foundation.errors import InputError


def run(args: NoseArguments) -> None:
    """Does what `simulst nose` says: prints the scores, and draws the curves where that is asked for."""
    bounds = args.bounds
    if args.points:
        curves = read_curves(args)
        estimates = [NoSEEstimate(nose(curve, bounds or common_bounds(curves)), None) for curve in curves]
        _print(args, estimates, [_row(one) for one in estimates] if len(estimates) > 1 else [])
        return
    for languages, sweeps in read_sweeps(args.sweeps, args.plot).items():
        statistics = sweep_statistics(sweeps, args)
        resampling = _resampling(len(sweeps[0].logs[0].utterances), args)
        estimates = estimate_nose(statistics, resampling, bounds)
        if languages is not None:
            print(languages)
        _print(args, estimates, [_row(one) | (_interval(one) if resampling else {}) for one in estimates])


def read_curves(args: NoseArguments) -> list[Curve]:
    """One curve for each file. Raises InputError when offline scores do not go with the files."""
    files, offline = args.points, args.offline or []
    if offline and len(offline) != len(files):
        raise InputError(f"--offline gives {len(offline)} scores for {len(files)} files: give one for each")
    axes = Axes(
        args.quality_metric or Axes.quality, args.latency_metric or Axes.latency, args.unit or Axes.unit
    )
    return [
        Curve(name, read_points(file), quality, axes, args.decoding or Curve.decoding)
        for name, file, quality in zip(_names(files), files, offline or [None] * len(files), strict=True)
    ]


def read_sweeps(folders: Sequence[str], plot: str | None) -> dict[str | None, list[FinishedSweep]]:
    """By language pair. Raises InputError when the sweeps of a pair are over different test sets."""
    pairs: dict[str | None, list[FinishedSweep]] = {}
    for folder in folders:
        for sweep in read_sweep(folder):
            pairs.setdefault(sweep.languages, []).append(sweep)
    if plot and len(pairs) > 1:
        raise InputError(
            f"--plot draws one language pair, the sweeps have {len(pairs)}: take their own plots"
        )
    for sweeps in pairs.values():
        check_same_test_set([sweep.logs[0] for sweep in sweeps])
    return pairs


def sweep_statistics(sweeps: Sequence[FinishedSweep], args: NoseArguments) -> list[SweepStatistics]:
    """All systems, or those that --systems names. Systems of one name are told apart by their sweep."""
    found = [(sweep, system) for sweep in sweeps for system in sweep.systems]
    names = [system.name for _, system in found]
    chosen = args.systems or dict.fromkeys(names)
    for name in chosen:
        if name not in names:
            raise InputError(f"there is no system {name!r}: give some of {', '.join(dict.fromkeys(names))}")
    statistics = []
    for sweep, system in found:
        if system.name in chosen:
            latency = args.latency_metric or sweep.axes.latency
            axes = Axes(args.quality_metric or sweep.axes.quality, latency, unit_of(latency))
            several = names.count(system.name) > 1
            name = f"{sweep.folder.resolve().name}/{system.name}" if several else system.name
            statistics.append(replace(sweep.statistics(system, axes), system=name))
    return statistics


def _resampling(utterances: int, args: NoseArguments) -> Resampling | None:
    """None where no intervals are wanted. Raises InputError for fewer resamples than they need."""
    if args.resamples == 0:
        return None
    resamples = Resampling.resamples if args.resamples is None else args.resamples
    return Resampling(utterances, resamples, Resampling.seed if args.seed is None else args.seed)


def _print(args: NoseArguments, estimates: Sequence[NoSEEstimate], rows: Sequence[Row]) -> None:
    scores = [one.score for one in estimates]
    if args.plot:
        plot_curves(args.plot, [score.curve for score in scores], scores[0].bounds)
    if rows:
        print(TABLES[args.format](rows) + "\n")
    for problem in dict.fromkeys(one.problem for one in estimates if one.problem):
        print(f"NoSE has no intervals: it is {problem}\n")
    print(*(f"{score.score:.3f}" for score in scores), joint_signature(scores))


def _names(files: Sequence[str]) -> list[str]:
    """File names without ending where that tells them apart, else paths."""
    stems = [Path(file).stem for file in files]
    return stems if len(set(stems)) == len(stems) else list(files)


def _row(estimate: NoSEEstimate) -> Row:
    score, curve = estimate.score, estimate.score.curve
    return {
        "system": curve.system,
        "NoSE": score.score,
        **curve.axes.bound_columns(*score.bounds),
        "offline": curve.offline,
        "points": len(curve.points),
    }


def _interval(estimate: NoSEEstimate) -> Row:
    found = estimate.interval
    return {"NoSE_95%": f"[{found.low:.3f}, {found.high:.3f}]" if found else "undefined"}
