"""simulst nose --points FILE.tsv [FILE2.tsv ...] --offline Q [Q2 ...] [--bounds X Y] [--plot FILE.png]

Each file holds the points of one system (see evaluation/curve.py). The last line begins with the score,
or with the scores of several systems in the order of their files; the signature follows.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from evaluation.curve import Axes, Curve, read_points
from evaluation.curve_plot import plot_curves
from evaluation.nose import NoSE, common_bounds, joint_signature, nose
from evaluation.table import text_table
from models.errors import InputError


def main(arguments: Sequence[str]) -> None:
    args = _parser().parse_args(arguments)
    curves = read_curves(args)
    bounds = tuple(args.bounds) if args.bounds else common_bounds(curves)
    scores = [nose(curve, bounds) for curve in curves]
    if args.plot:
        plot_curves(args.plot, curves, bounds)
    if len(scores) > 1:
        print(text_table([_row(score) for score in scores]) + "\n")
    print(*(f"{score.score:.3f}" for score in scores), joint_signature(scores))


def read_curves(args: argparse.Namespace) -> list[Curve]:
    """One curve for each file. Raises InputError when offline scores do not go with the files."""
    files, offline = args.points, args.offline or []
    if offline and len(offline) != len(files):
        raise InputError(f"--offline gives {len(offline)} scores for {len(files)} files: give one for each")
    axes = Axes(args.quality_metric, args.latency_metric, args.unit)
    return [
        Curve(name, read_points(file), quality, axes, args.decoding)
        for name, file, quality in zip(_names(files), files, offline or [None] * len(files), strict=True)
    ]


def _names(files: Sequence[str]) -> list[str]:
    """File names without ending where that tells them apart, else paths."""
    stems = [Path(file).stem for file in files]
    return stems if len(set(stems)) == len(stems) else list(files)


def _row(score: NoSE) -> dict[str, str | float]:
    curve = score.curve
    return {
        "system": curve.system,
        "NoSE": score.score,
        f"from_{curve.axes.unit}": score.bounds[0],
        f"to_{curve.axes.unit}": score.bounds[1],
        "offline": curve.offline,
        "points": len(curve.points),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="simulst nose", description="NoSE of quality/latency curves, over common bounds of latency."
    )
    parser.add_argument(
        "--points", nargs="+", required=True, metavar="FILE.tsv", help="columns latency, quality, setting"
    )
    parser.add_argument("--offline", nargs="+", type=float, metavar="Q", help="offline quality for each file")
    parser.add_argument(
        "--bounds",
        nargs=2,
        type=float,
        metavar=("X", "Y"),
        help="latencies; default: the widest interval on which all curves are defined",
    )
    parser.add_argument("--decoding", default=Curve.decoding, help="how the offline quality was decoded")
    parser.add_argument("--quality-metric", default=Axes.quality, help="default: %(default)s")
    parser.add_argument("--latency-metric", default=Axes.latency, help="default: %(default)s")
    parser.add_argument("--unit", default=Axes.unit, help="of latency; default: %(default)s")
    parser.add_argument("--plot", metavar="FILE.png", help="draw the curves")
    return parser
