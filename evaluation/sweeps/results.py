"""What a sweep writes once its runs are there: points, NoSE, curves and the page to look at.

points.json: {"quality": [...], "latency": [...], "points": [{"languages": null, "system": "waitk",
"setting": "k=3", "offline": false, "folder": "runs/waitk/k=3", "scores": {"BLEU": {"value": 28.1,
"low": 26.9, "high": 29.4}, ...}, "outputs": {"EMPTY": 0, "LOOPING": 1, "AT_END": 2}, "sentences": 1000},
...]}. Intervals are of 95%, by a bootstrap over utterances; null where a score has none. Latency is in
seconds; in points.tsv the names of columns say so.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from evaluation.logs.run_log import RunLog
from evaluation.metrics.curve_plot import plot_curves
from evaluation.metrics.degenerate import count_flags
from evaluation.metrics.latency import column_of
from evaluation.metrics.nose_intervals import NoSEEstimate
from evaluation.metrics.significance import Resampling
from evaluation.report.report import write_report
from evaluation.report.scores import Score, SweepScores
from evaluation.sweeps.finished_sweep import FinishedSweep, read_sweep
from evaluation.sweeps.layout import OFFLINE, SweepLayout
from evaluation.table import Row, text_table, write_tsv
from foundation.files.whole_folder import replaced_file


def write_results(folder: Path) -> str:
    """Write all that follows from the runs in a sweep's folder; return what a reader wants to see first.

    Raises InputError when the folder holds no finished run, or its logs cannot be used.
    """
    layout = SweepLayout(folder)
    points: list[dict[str, Any]] = []
    table: list[Row] = []
    told: list[str] = []
    scored: list[SweepScores] = []
    for sweep in read_sweep(folder):
        scores = SweepScores(sweep, Resampling(len(sweep.logs[0].utterances)))
        scored.append(scores)
        found = _points(sweep, scores, layout)
        points += found
        table += [_row(point, scores.latency, intervals=True) for point in found]
        told += [text_table([_row(point, scores.latency, intervals=False) for point in found]), ""]
        told += _write_curves(layout, scores)
    # A language pair may have metrics of its own.
    metrics = {
        "quality": list(dict.fromkeys(name for one in scored for name in one.quality)),
        "latency": list(dict.fromkeys(name for one in scored for name in one.latency)),
    }
    text = json.dumps({**metrics, "points": points}, indent=1, ensure_ascii=False)
    with replaced_file(layout.points) as file:
        file.write_text(text + "\n", encoding="utf-8")
    write_tsv(layout.points_table, table)
    told.append(f"results in {folder}, to look at: {write_report(folder, scored)}")
    return "\n".join(told)


def _points(sweep: FinishedSweep, scores: SweepScores, layout: SweepLayout) -> list[dict[str, Any]]:
    runs = [(system.name, setting, log) for system in sweep.systems for setting, log in system.runs.items()]
    offline = {system.offline.path: system.offline for system in sweep.systems if system.offline}
    runs += [(OFFLINE, log.path.parent.name, log) for log in offline.values()]
    main = sweep.axes.latency
    points = [_point(sweep, scores, layout, *run) for run in runs]
    order = {name: place for place, name in enumerate(dict.fromkeys(point["system"] for point in points))}
    return sorted(points, key=lambda point: (order[point["system"]], point["scores"][main]["value"] or 0.0))


def _point(
    sweep: FinishedSweep, scores: SweepScores, layout: SweepLayout, system: str, setting: str, log: RunLog
) -> dict[str, Any]:
    return {
        "languages": sweep.languages,
        "system": system,
        "setting": setting,
        "offline": system == OFFLINE,
        "folder": log.path.parent.relative_to(layout.folder).as_posix(),
        "scores": {
            name: dict(zip(("value", "low", "high"), _in_seconds(scores, name, score), strict=True))
            for name, score in scores.of_run(log).items()
        },
        "outputs": count_flags(log),
        "sentences": len(log.utterances),
    }


def _in_seconds(scores: SweepScores, name: str, score: Score) -> Score:
    """A score with its interval as people read it."""
    if name not in scores.milliseconds:
        return score
    value, low, high = (None if number is None else round(number / 1000, 7) for number in score)
    return value, low, high


def _row(point: dict[str, Any], latency: Collection[str], intervals: bool) -> Row:
    """latency: the metrics that are none of quality."""
    row: dict[str, str | float] = {} if point["languages"] is None else {"languages": point["languages"]}
    row |= {"system": point["system"], "setting": point["setting"]}
    for metric, score in point["scores"].items():
        name = column_of(metric) if metric in latency else metric
        for part, value in score.items():
            if intervals or part == "value":
                row[name if part == "value" else f"{name}_{part}"] = "" if value is None else float(value)
    return row | point["outputs"] | {"SENTENCES": point["sentences"]}


def _write_curves(layout: SweepLayout, scores: SweepScores) -> list[str]:
    """The NoSE table and the picture of one language pair; says which systems have no curve, and why."""
    found, languages = scores.nose, scores.sweep.languages
    told = [f"no curve: {reason}" for reason in found.without_curve]
    if not found.curves:
        return told
    bounds = None
    if found.problem:
        told.append(found.problem if found.estimates else f"no NoSE: {found.problem}")
    if found.estimates:
        rows = [_nose_row(one) for one in found.estimates.values()]
        bounds = next(iter(found.estimates.values())).score.bounds
        write_tsv(layout.nose_table(languages), rows)
        shown = [{key: value for key, value in row.items() if key != "signature"} for row in rows]
        told += [text_table(shown), ""]
    plot_curves(layout.curves(languages), list(found.curves.values()), bounds)
    return told


def _nose_row(estimate: NoSEEstimate) -> Row:
    score, interval = estimate.score, estimate.interval
    return {
        "system": score.curve.system,
        "NoSE": score.score,
        "low": interval.low if interval else "",
        "high": interval.high if interval else "",
        **score.curve.axes.bound_columns(*score.bounds),
        "offline": score.curve.offline,
        "points": len(score.curve.points),
        "signature": score.signature,
    }
