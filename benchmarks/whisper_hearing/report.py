"""Word errors by policy and hearing, of a finished sweep of hearing.yaml, against the whole window's.

    python -m benchmarks.whisper_hearing.report --sweep outputs/hearing --output outputs/hearing-report

Writes hearing.tsv and hearing.png: WER in %, its difference to the window's with a 95% interval (paired
bootstrap over clips, 10,000 draws) and p, and LAAL in s.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from evaluation.logs.run_log import RunLog
from evaluation.metrics.curve_plot import COLOURS
from evaluation.metrics.significance import Comparison, Resampling, compare
from evaluation.sweeps.finished_sweep import FinishedSweep, read_sweep
from evaluation.table import Row, text_table, write_tsv
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.errors import InputError
from foundation.files.whole_folder import whole_folder
from foundation.options import REQUIRED, check_options, option

WINDOW = "window"  # what the others are compared with
METRIC = "WER_NORM"
RESAMPLES = 10_000


@dataclass(frozen=True)
class ReportOptions:
    """What is reported."""

    sweep: Path = option(REQUIRED, "This folder is the finished sweep.")
    output: Path = option(REQUIRED, "This folder is made for the table and the plot.")
    overwrite: bool = option(False, "An earlier report of that name is replaced.")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class Finding:
    """One policy under one hearing."""

    policy: str
    hearing: str
    frozen_after_s: str
    errors: Comparison  # WER in %, first over the window
    lag_s: float

    def row(self) -> Row:
        difference = self.errors.difference
        return {
            "policy": self.policy,
            "hearing": self.hearing,
            "frozen_after_s": self.frozen_after_s,
            "WER": round(self.errors.second.value, 2),
            "more": round(difference.value, 2),
            "low": round(difference.low, 2),
            "high": round(difference.high, 2),
            "p": round(self.errors.p_value, 3),
            "LAAL_s": round(self.lag_s, 2),
        }


def compare_hearings(sweep: FinishedSweep) -> Iterator[Finding]:
    """Each run against that of the same policy over the window.

    Raises InputError where that is missing, or a system's name does not say policy and hearing.
    """
    runs: dict[str, list[tuple[str, str, RunLog]]] = {}
    for system in sweep.systems:
        policy, dash, hearing = system.name.partition("-")
        if not dash:
            raise InputError(
                f"{sweep.folder}: call system {system.name!r} POLICY-HEARING, as hearing.yaml does"
            )
        some = [(hearing, setting.partition("=")[2], log) for setting, log in system.runs.items()]
        runs.setdefault(policy, []).extend(some)
    resampling = Resampling(len(sweep.logs[0].utterances), RESAMPLES)
    for policy, found in runs.items():
        whole = next((log for hearing, _, log in found if hearing == WINDOW), None)
        if whole is None:
            raise InputError(f"{sweep.folder} has no finished run of {policy}-{WINDOW}: finish the sweep")
        for hearing, frozen_after_s, log in found:
            scores = resampling.scores(*(sweep.quality(one, METRIC).resampled_scores for one in (whole, log)))
            lag_s = float(np.nanmean(log.latency("LAAL"))) / 1000
            yield Finding(policy, hearing, frozen_after_s, compare(*scores), lag_s)


def plot_findings(path: Path, findings: Sequence[Finding]) -> None:
    """What each hearing adds to the errors over the window, with its interval, policies side by side."""
    policies = list(dict.fromkeys(one.policy for one in findings))
    labels = list(
        dict.fromkeys((one.hearing, one.frozen_after_s) for one in findings if one.hearing != WINDOW)
    )
    figure = Figure(figsize=(8.0, 1.0 + 0.42 * len(labels)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color="0.6", linewidth=0.8)
    for place, policy in enumerate(policies):
        some = [one for one in findings if one.policy == policy and one.hearing != WINDOW]
        heights = [labels.index((one.hearing, one.frozen_after_s)) + 0.13 * place for one in some]
        differences = [one.errors.difference for one in some]
        values = [one.value for one in differences]
        reach = [[one.value - one.low for one in differences], [one.high - one.value for one in differences]]
        colour = COLOURS[place % len(COLOURS)]
        axes.errorbar(
            values, heights, xerr=reach, fmt="o", markersize=4, color=colour, label=policy, linewidth=1
        )
    names = [f"{hearing}, frozen after {after_s} s" for hearing, after_s in labels]
    axes.set_yticks(np.arange(len(labels)) + 0.065 * (len(policies) - 1), names)
    axes.invert_yaxis()
    axes.set_xlabel("word error rate more than over the whole window (points, 95% interval)")
    axes.grid(axis="x", color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside upper center", ncols=len(policies), fontsize="small")
    figure.savefig(path, dpi=120)


def run_report(options: ReportOptions) -> None:
    [sweep] = read_sweep(options.sweep)
    findings = list(compare_hearings(sweep))
    rows = [one.row() for one in findings]
    with whole_folder(options.output, options.overwrite, "hearing.tsv") as folder:
        write_tsv(folder / "hearing.tsv", rows)
        plot_findings(folder / "hearing.png", findings)
    print(text_table(rows))


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    program = "python -m benchmarks.whisper_hearing.report"
    return exit_status(lambda: run_report(parse(ReportOptions, program, __doc__.split("\n")[0], words)))


if __name__ == "__main__":
    sys.exit(main())
