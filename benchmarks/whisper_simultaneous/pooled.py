"""Scores of a finished sweep over language pairs with one target, all pairs together as one test set.

    python -m benchmarks.whisper_simultaneous.pooled --sweep outputs/into-english --output outputs/pooled

Writes pooled.tsv: for each setting BLEU and chrF, what they are below offline, AL and LAAL in s, with 95%
intervals (paired bootstrap over the sentences of all pairs, 10,000 draws) and, for differences, p.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.logs.run_log import RunLog
from evaluation.metrics.latency import in_unit
from evaluation.metrics.quality_statistics import Statistics, quality_statistics
from evaluation.metrics.significance import Estimate, Resampling, compare, estimate, mean_of
from evaluation.sweeps.finished_sweep import FinishedSweep, FinishedSystem, read_sweep
from evaluation.table import Row, text_table, write_tsv
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.errors import InputError
from foundation.files.whole_folder import whole_folder
from foundation.options import REQUIRED, check_options, option

TABLE = "pooled.tsv"
RESAMPLES = 10_000
QUALITIES = ("BLEU", "chrF")
LATENCIES = ("AL", "LAAL")


@dataclass(frozen=True)
class PooledOptions:
    """What is reported."""

    sweep: Path = option(REQUIRED, "This folder is the finished sweep.")
    output: Path = option(REQUIRED, "This folder is made for the table.")
    overwrite: bool = option(False, "An earlier report of that name is replaced.")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class PooledRun:
    """One setting of one system, or an offline run, in all language pairs."""

    system: str
    setting: str
    logs: tuple[RunLog, ...]  # a pair each

    def quality(self, metric: str, tokenizer: str) -> Statistics:
        spoken = [one for log in self.logs for one in log.utterances]
        predictions, references = zip(*((one.prediction, one.reference) for one in spoken), strict=True)
        return quality_statistics(metric, predictions, references, tokenizer)

    def latency_s(self, metric: str, resampling: Resampling) -> Estimate:
        values = in_unit(metric, np.concatenate([log.latency(metric) for log in self.logs]))
        whole, resampled = resampling.scores(lambda weights: mean_of(values, weights))
        return estimate(whole[0], resampled[:, 0])


def pooled_runs(pairs: Sequence[FinishedSweep]) -> list[tuple[PooledRun, PooledRun]]:
    """Each run with its offline run. Raises InputError for what was not run in every pair."""
    found = []
    for system in pairs[0].systems:
        same = [_same_system(pair, system.name) for pair in pairs]
        for one, pair in zip(same, pairs, strict=True):
            if one.offline is None:
                raise InputError(f"{pair.folder}: {pair.languages} has no offline run for {system.name}")
        offline = PooledRun("offline", system.name, tuple(one.offline for one in same))
        for setting in system.runs:
            for one, pair in zip(same, pairs, strict=True):
                if setting not in one.runs:
                    raise InputError(
                        f"{pair.folder}: {pair.languages} has no finished run of {system.name} {setting}: "
                        "finish the sweep"
                    )
            logs = tuple(one.runs[setting] for one in same)
            found.append((PooledRun(system.name, setting, logs), offline))
    return found


def _same_system(pair: FinishedSweep, name: str) -> FinishedSystem:
    for system in pair.systems:
        if system.name == name:
            return system
    raise InputError(f"{pair.folder}: {pair.languages} has no finished run of {name}: finish the sweep")


def rows_of(runs: Sequence[tuple[PooledRun, PooledRun]], tokenizer: str) -> Iterator[Row]:
    """Of each run, and of each offline run; systems that decode alike share one."""
    sentences = sum(len(log.utterances) for log in runs[0][0].logs)
    resampling = Resampling(sentences, RESAMPLES)
    offline = {one.logs[0].path: one for _, one in runs}
    for run, against in [*runs, *((one, one) for one in offline.values())]:
        yield _row(run, against, tokenizer, resampling)


def _row(run: PooledRun, against: PooledRun, tokenizer: str, resampling: Resampling) -> Row:
    row = {"system": run.system, "setting": run.setting}
    for metric in QUALITIES:
        scores = [one.quality(metric, tokenizer).resampled_scores for one in (against, run)]
        compared = compare(*resampling.scores(*scores))
        row |= _columns(metric, compared.second, 1)
        row |= _columns(f"{metric}_below_offline", _negative(compared.difference), 1)
        row[f"{metric}_p"] = round(compared.p_value, 3)
    for metric in LATENCIES:
        row |= _columns(f"{metric}_s", run.latency_s(metric, resampling), 2)
    return row


def _negative(one: Estimate) -> Estimate:
    return Estimate(-one.value, -one.high, -one.low)


def _columns(name: str, one: Estimate, digits: int) -> dict[str, float]:
    values = {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
    return {key: round(value, digits) + 0.0 for key, value in values.items()}


def run_report(options: PooledOptions) -> None:
    """Raises InputError where pairs are scored by other tokenizers, or runs are missing."""
    pairs = read_sweep(options.sweep)
    tokenizers = {pair.tokenizer for pair in pairs}
    if len(tokenizers) > 1:
        raise InputError(f"{options.sweep}: pairs with one target language alone go together")
    rows = list(rows_of(pooled_runs(pairs), tokenizers.pop()))
    with whole_folder(options.output, options.overwrite, TABLE) as folder:
        write_tsv(folder / TABLE, rows)
    print(text_table(rows))


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    program = "python -m benchmarks.whisper_simultaneous.pooled"
    return exit_status(lambda: run_report(parse(PooledOptions, program, __doc__.split("\n")[0], words)))


if __name__ == "__main__":
    sys.exit(main())
