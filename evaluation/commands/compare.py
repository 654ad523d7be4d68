"""simulst compare A B: paired bootstrap over utterances, with 95% intervals and p-values.

A and B are folders of finished runs over the same test set, of SimulEval or `simulst evaluate`. Folders
that hold several such runs are systems: they are compared by NoSE, over the axes of their sweep unless
metrics are named. Of a system in the folder of a `simulst sweep` (its folder below `runs`, or the sweep's
own where it has one system) the offline run is known; for others --offline names that of both, or of each.
Latency is in seconds; p is two-sided.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from evaluation.commands.compare_arguments import CompareArguments
from evaluation.logs.run_log import RunLog, check_same_test_set
from evaluation.metrics.curve import Axes
from evaluation.metrics.degenerate import count_flags
from evaluation.metrics.latency import column_of, in_unit, unit_of
from evaluation.metrics.metric_names import QUALITY_METRICS, WORD_ERRORS
from evaluation.metrics.nose import Bounds, joint_signature
from evaluation.metrics.nose_intervals import compare_nose
from evaluation.metrics.quality_statistics import Statistics
from evaluation.metrics.run_quality import quality_of
from evaluation.metrics.significance import Comparison, Estimate, Resampling, compare, estimate, mean_of
from evaluation.sweeps.finished_sweep import FoundSystem, axes_of, decoding_of, find_system
from evaluation.sweeps.folder import (
    DEFAULT_TOKENIZER,
    bleu_tokenizer,
    read_scored_log,
    run_configuration,
)
from evaluation.sweeps.statistics import PointStatistics, SweepStatistics
from evaluation.table import Row, text_table
from foundation.errors import InputError


@dataclass(frozen=True)
class Measures:
    """By what runs are compared; sweeps by the first metric of each kind."""

    quality_metrics: Sequence[str]
    latency_metrics: Sequence[str]
    tokenizer: str

    def quality(self, log: RunLog, metric: str) -> Statistics:
        return quality_of(log, metric, self.tokenizer)

    def sweep(self, system: str, logs: Sequence[RunLog], offline: RunLog) -> SweepStatistics:
        quality, latency = self.quality_metrics[0], self.latency_metrics[0]
        return SweepStatistics(
            system,
            [
                PointStatistics(
                    log.path.parent.name, in_unit(latency, log.latency(latency)), self.quality(log, quality)
                )
                for log in logs
            ],
            self.quality(offline, quality),
            Axes(quality, latency, unit_of(latency)),
            decoding_of(offline),
        )


def run(args: CompareArguments) -> None:
    """Does what `simulst compare` says: prints tables with intervals and p-values."""
    systems = [find_system(args.first), find_system(args.second)]
    first, second = (system.runs for system in systems)
    logs = {run: read_scored_log(run) for run in (*first, *second)}
    check_same_test_set(list(logs.values()))
    offline = _offline(systems, [Path(folder) for folder in args.offline])
    logs |= {run: read_scored_log(run) for run in offline}
    check_same_test_set(list(logs.values()))
    tokenizer = args.sacrebleu_tokenizer or bleu_tokenizer(list(logs.values()))
    are_runs = len(first) == len(second) == 1
    measures = _measures(args, logs[first[0]], are_runs, tokenizer)
    resampling = Resampling(len(logs[first[0]].utterances), args.resamples, args.seed)
    if are_runs:
        print(run_tables([logs[first[0]], logs[second[0]]], measures, resampling))
    else:
        if measures.quality_metrics[0] == WORD_ERRORS:
            raise InputError(
                f"NoSE is the area under curves of which more is better, and {WORD_ERRORS} counts errors: "
                f"name one of {', '.join(QUALITY_METRICS)} first, or compare single runs"
            )
        sweeps = [
            measures.sweep(system, [logs[run] for run in runs], logs[offline_run])
            for system, runs, offline_run in zip("AB", (first, second), offline, strict=True)
        ]
        print(sweep_tables(sweeps, resampling, args.bounds))
    print(f"\nA: {args.first}  B: {args.second}")
    if tokenizer != DEFAULT_TOKENIZER and "BLEU" in measures.quality_metrics:
        print(f"BLEU's tokenizer: {tokenizer}")
    units = logs[first[0]].units_of_test_set
    print(f"{resampling.utterances} {units}, {args.resamples} resamples, seed {args.seed}")


def _measures(args: CompareArguments, log: RunLog, are_runs: bool, tokenizer: str) -> Measures:
    """What is asked for; else the usual metrics of two runs, and the axes of systems' runs, such as `log`."""
    quality, latency = args.quality_metrics, args.latency_metrics
    if are_runs:
        return Measures(quality or QUALITY_METRICS, latency or log.usual_latency, tokenizer)
    scored = run_configuration(log.path.parent)
    axes = axes_of(
        log, scored.get("quality_metrics", QUALITY_METRICS), scored.get("latency_metrics", log.usual_latency)
    )
    return Measures(quality or [axes.quality], latency or [axes.latency], tokenizer)


def _offline(systems: Sequence[FoundSystem], given: Sequence[Path]) -> list[Path]:
    """The offline run of each system; none where two single runs are compared. Raises InputError."""
    if all(len(system.runs) == 1 for system in systems):
        return []
    if len(given) > 2:
        raise InputError(f"--offline names {len(given)} runs: give one for both systems, or one for each")
    found = list((*given, *given)[:2]) or [system.offline for system in systems]
    for name, offline in zip("AB", found, strict=True):
        if offline is None:
            raise InputError(
                f"the offline run of {name} is not known, and NoSE divides by its quality: give --offline, "
                "the folder of an offline run for both, or of one for each"
            )
    return found


def run_tables(logs: Sequence[RunLog], measures: Measures, resampling: Resampling) -> str:
    """Two runs by every metric, and the number of degenerate outputs of each."""
    statistics = {
        metric: [measures.quality(log, metric).resampled_scores for log in logs]
        for metric in measures.quality_metrics
    }
    for metric in measures.latency_metrics:
        values = [in_unit(metric, log.latency(metric)) for log in logs]
        statistics[column_of(metric)] = [partial(mean_of, one) for one in values]
    rows = []
    for metric, both in statistics.items():
        try:
            rows.append(_row(metric, compare(*resampling.scores(*both))))
        except InputError as error:
            raise InputError(f"{metric}: {error}") from None
    counts = [count_flags(log) for log in logs]
    outputs = [{"outputs": flag, "A": counts[0][flag], "B": counts[1][flag]} for flag in counts[0]]
    return f"{text_table(rows)}\n\n{text_table(outputs)}"


def sweep_tables(sweeps: Sequence[SweepStatistics], resampling: Resampling, bounds: Bounds | None) -> str:
    """Every point of all sweeps with intervals, then the NoSE of two."""
    scores, comparison = compare_nose(sweeps, resampling, bounds)
    points = [row for sweep in sweeps for row in _point_rows(sweep, resampling)]
    table = text_table([_row("NoSE", comparison)])
    return f"{text_table(points)}\n\n{table}\n{joint_signature(scores)}"


def _point_rows(sweep: SweepStatistics, resampling: Resampling) -> list[Row]:
    rows = []
    column = column_of(sweep.axes.latency)
    for point in sweep.points:
        whole, resampled = resampling.scores(point.scores)
        latency, quality = (estimate(*both) for both in zip(whole, resampled.T, strict=True))
        cells = _cells(column, latency) | _cells(sweep.axes.quality, quality)
        rows.append({"system": sweep.system, "run": point.setting, **cells})
    return sorted(rows, key=lambda row: row[column])


def _row(metric: str, comparison: Comparison) -> Row:
    return {
        "metric": metric,
        **_cells("A", comparison.first),
        **_cells("B", comparison.second),
        **_cells("B-A", comparison.difference),
        "p": comparison.p_value,
    }


def _cells(name: str, estimate: Estimate) -> Row:
    return {name: estimate.value, f"{name}_95%": f"[{estimate.low:.3f}, {estimate.high:.3f}]"}
