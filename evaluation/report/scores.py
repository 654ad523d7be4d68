"""The scores on a sweep's page: of every run by every metric, and the NoSE of every system.

Scores that can be resampled (BLEU, chrF, and the metrics of evaluation/metrics/latency.py by every clock) are
computed from the logs and carry a 95% interval; all others are those in the scores.tsv of the runs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from evaluation.logs.run_log import RunLog
from evaluation.metrics.curve import Curve
from evaluation.metrics.latency import (
    LATENCY_METRICS,
    METRICS_BY_CLOCK,
    SIMULEVAL_CLOCK,
    TRUE_CLOCK,
    is_in_ms,
)
from evaluation.metrics.metric_names import QUALITY_METRICS, RESAMPLED_METRICS
from evaluation.metrics.nose_intervals import NoSEEstimate, estimate_nose
from evaluation.metrics.significance import Resampling, estimate, mean_of
from evaluation.sweeps.finished_sweep import FinishedSweep
from evaluation.table import number, read_tsv
from foundation.errors import InputError

SCORES_MEND = "score it again by simulst evaluate --rescore"
# A score and the ends of its interval, each None where it is not defined.
Score = tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class NoSEOfSweep:
    """The curves of one sweep, and what could be computed from them; keys are places in sweep.systems."""

    curves: Mapping[int, Curve]
    estimates: Mapping[int, NoSEEstimate]  # of all curves, or empty
    without_curve: Sequence[str]  # why other systems have none
    problem: str | None  # why there are no estimates, or none of their intervals


class SweepScores:
    """What is known about the runs of one sweep."""

    def __init__(self, sweep: FinishedSweep, resampling: Resampling) -> None:
        self.sweep = sweep
        self.resampling = resampling
        self._of_runs: dict[Path, dict[str, Score]] = {}
        self._tables = {log.path: _scores_table(log) for log in sweep.logs}
        columns = {name for table in self._tables.values() for name in table}
        self.quality = [
            name for name in sweep.quality_metrics if name in RESAMPLED_METRICS or name in columns
        ] or [sweep.axes.quality]
        self.latency = self._latency_columns(columns)
        # That of the curves is there in any case: others may have no value for single utterances.
        if sweep.axes.latency not in self.latency:
            self.latency.append(sweep.axes.latency)

    @property
    def milliseconds(self) -> list[str]:
        """Metrics of latency that are a time."""
        return [name for name in self.latency if is_in_ms(name)]

    def of_run(self, log: RunLog) -> dict[str, Score]:
        """The scores of one run by their metrics, computed once."""
        if log.path not in self._of_runs:
            self._of_runs[log.path] = self._score(log)
        return self._of_runs[log.path]

    @cached_property
    def nose(self) -> NoSEOfSweep:
        """The curves of all systems that have one, and their NoSE over common bounds."""
        curves: dict[int, Curve] = {}
        statistics, without_curve = [], []
        for place, system in enumerate(self.sweep.systems):
            try:
                one = self.sweep.statistics(system, self.sweep.axes)
                curves[place] = one.curve()
                statistics.append(one)
            except InputError as error:
                without_curve.append(str(error))
        if not curves:
            return NoSEOfSweep(curves, {}, without_curve, None)
        try:
            estimates = estimate_nose(statistics, self.resampling)
        except InputError as error:
            return NoSEOfSweep(curves, {}, without_curve, str(error))
        # All share their bounds, and so the reason why they have no intervals.
        problem = f"NoSE has no intervals: it is {estimates[0].problem}" if estimates[0].problem else None
        return NoSEOfSweep(curves, dict(zip(curves, estimates, strict=True)), without_curve, problem)

    def notes(self) -> list[str]:
        """How the scores were computed."""
        resampling, log = self.resampling, self.sweep.logs[0]
        names = dict.fromkeys(
            (*QUALITY_METRICS, *(name for name in self.quality if name in RESAMPLED_METRICS))
        )
        signatures = [f"{name} {self.sweep.quality(log, name).signature}" for name in names]
        return [
            f"Intervals (95%): bootstrap over {resampling.utterances} {log.units_of_test_set}, "
            f"{resampling.resamples} resamples, seed {resampling.seed}.",
            "Latency counts the length of the reference and skips empty predictions. _CA: by SimulEval's "
            "clock, which adds all computation to the audio heard; _TC: by the true one, "
            "max(t, arrival) + compute.",
            f"{'; '.join(signatures)}.",
        ]

    def _score(self, log: RunLog) -> dict[str, Score]:
        statistics = {}
        for name in (*self.quality, *self.latency):
            if name in RESAMPLED_METRICS:
                statistics[name] = self.sweep.quality(log, name).resampled_scores
            elif name in METRICS_BY_CLOCK:
                statistics[name] = partial(mean_of, log.latency(name))
        table = self._tables[log.path]
        scores = {name: (finite(table.get(name)), None, None) for name in (*self.quality, *self.latency)}
        if statistics:
            whole, resampled = self.resampling.scores(*statistics.values())
            for name, value, column in zip(statistics, whole.tolist(), resampled.T, strict=True):
                if math.isfinite(value):
                    scores[name] = _with_interval(value, column)
        return scores

    def _latency_columns(self, columns: set[str]) -> list[str]:
        """The metrics of latency; each clock is one of its own."""
        names: dict[str, None] = {}
        clock_runs = any(one.elapsed != one.delays for log in self.sweep.logs for one in log.utterances)
        for name in self.sweep.latency_metrics:
            if name in LATENCY_METRICS:
                names |= dict.fromkeys([name, name + SIMULEVAL_CLOCK] if clock_runs else [name])
            if name != "NoSE":
                names |= dict.fromkeys(one for one in (name, name + TRUE_CLOCK) if one in columns)
        return list(names)


def finite(value: float | None, digits: int = 4) -> float | None:
    """Rounded; None for what is not defined, which JSON has no number for."""
    return None if value is None or not math.isfinite(value) else round(value, digits)


def _scores_table(log: RunLog) -> Mapping[str, float]:
    """The numbers in a run's scores.tsv, if it has one."""
    path = log.path.with_name("scores.tsv")
    if not path.is_file():
        return {}
    rows = list(read_tsv(path, (), SCORES_MEND))
    if len(rows) != 1:
        raise InputError(f"{path} holds {len(rows)} rows, not one: {SCORES_MEND}")
    [(place, row)] = rows
    return {name: number(text, place, name) for name, text in row.items() if name != "setting"}


def _with_interval(value: float, resampled: np.ndarray) -> Score:
    try:
        interval = estimate(value, resampled)
    except InputError:
        return finite(value), None, None
    return finite(value), finite(interval.low), finite(interval.high)
