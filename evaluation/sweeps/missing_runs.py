"""Runs what a sweep lacks: many settings of one model at once by the batched engine, others one by one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.configuration.evaluation_file import Configuration, configure
from evaluation.metrics.scores import Scorers
from evaluation.run.batched_run import BatchedRun, batch_key
from evaluation.run.evaluate import evaluate
from evaluation.run.run_scores import SCORES, run_folder, write_scores
from evaluation.run.simulate_all import simulate_all
from evaluation.run.worker_threads import share_of_threads
from evaluation.sweeps.check import check_runs
from evaluation.sweeps.layout import SweepLayout
from evaluation.sweeps.plan import PlannedRun, SweepPlan
from foundation.progress import Progress
from foundation.workers import Workers


def run_missing(
    layout: SweepLayout, plan: SweepPlan, missing: Sequence[PlannedRun], parts: Path, workers: Workers
) -> None:
    """Make and score the missing runs of a plan, and score those that lack only that.

    parts: where the batched engine writes down what it has done. Raises InputError for bad input.
    """
    scorers = {run.place: Scorers(run.configuration.evaluation) for run in plan.runs}
    for run in plan.runs:
        # Kept by an earlier command whose scoring failed.
        if run not in missing and not (layout.run(run.place) / SCORES).is_file():
            write_scores(run.configuration, scorers[run.place], layout.run(run.place))
    groups: dict[Any, list[PlannedRun]] = {}
    for run in missing:
        if run.configuration.evaluation.engine == "batched":
            groups.setdefault(batch_key(run.configuration), []).append(run)
    one_by_one = [run for run in missing if run not in sum(groups.values(), [])]
    # One group alone is checked as it starts.
    checked = len(groups) + len(one_by_one) > 1
    if checked:
        check_runs([run.configuration for run in missing])
    for group in groups.values():
        batched = BatchedRun(tuple(run.configuration for run in group))
        transcripts = simulate_all(batched, parts, workers, checked)
        for lane, run in enumerate(group):
            with run_folder(run.configuration) as result:
                batched.write_logs(lane, transcripts, result.path)
                result.score(run.configuration, scorers[run.place])
    _run_one_by_one([run.configuration for run in one_by_one], workers)


def _run_one_by_one(configurations: Sequence[Configuration], workers: Workers) -> None:
    """By SimulEval, each run in a process of its own where there are several."""
    if not configurations:
        return
    with Progress(len(configurations), "run") as progress:
        if workers.in_process:
            for configuration in configurations:
                evaluate(configuration)
                progress.add()
            return
        values = [one.values() for one in configurations]
        for _ in workers.in_order(evaluate_values, values, *share_of_threads(workers)):
            progress.add()


def evaluate_values(values: Mapping[str, Any]) -> None:
    """What a process does: one run, given as keys with values."""
    evaluate(configure(values, values["output"]))
