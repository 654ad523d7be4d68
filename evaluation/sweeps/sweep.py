"""simulst sweep CONFIG.yaml --output DIR [--jobs N] [--executor local|slurm] [--KEY VALUE ...]

Runs systems x settings (x language pairs) with their offline runs, as a file says (its form:
evaluation/sweeps/plan.py), and writes points, curves, NoSE and a page to look at into one folder
(evaluation/sweeps/layout.py). The same command goes on where an earlier one was stopped, however that
happened; settings that are new in the file are added.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.commands.sweep_arguments import SweepArguments
from evaluation.configuration.evaluation_file import Configuration, configure
from evaluation.configuration.test_set_files import check_files_exist
from evaluation.logs.result_folder import CONFIGURATION, LOG
from evaluation.metrics.scores import Scorers
from evaluation.run.batched_run import BatchedRun, batch_key
from evaluation.run.evaluate import evaluate
from evaluation.run.run_scores import SCORES, run_folder, write_scores
from evaluation.run.simulate_all import simulate_all
from evaluation.run.worker_threads import share_of_threads
from evaluation.sweeps.check import check_runs
from evaluation.sweeps.folder import run_configuration
from evaluation.sweeps.layout import SweepLayout
from evaluation.sweeps.plan import PlannedRun, SweepPlan, load_plan
from evaluation.sweeps.results import write_results
from foundation.errors import InputError
from foundation.files.disk_errors import writing
from foundation.files.locks import locked
from foundation.files.whole_folder import replaced_file
from foundation.files.yaml_files import dump_yaml
from foundation.progress import Progress
from foundation.workers import Workers


def run(options: SweepArguments, keys: Mapping[str, Sequence[str]]) -> None:
    """`simulst sweep`. keys: the words behind each flag that replaces a key of the file."""
    plan = load_plan(options.configuration, options.output, keys)
    print(sweep(plan, options.output, Workers(options.jobs, options.executor, options.output / ".jobs")))


def sweep(plan: SweepPlan, folder: Path, workers: Workers) -> str:
    """Run what is missing, and write the results; return what to tell. Raises InputError for bad input."""
    layout = SweepLayout(folder.absolute())
    check_files_exist(run.configuration.evaluation for run in plan.runs if not _finished(layout, run))
    with writing(layout.folder):
        layout.folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(layout.folder):
            _open_folder(layout, plan)
            _run_missing(layout, plan, workers)
            shutil.rmtree(_parts(layout), ignore_errors=True)
            return write_results(folder)


def _run_missing(layout: SweepLayout, plan: SweepPlan, workers: Workers) -> None:
    missing = [run for run in plan.runs if not _finished(layout, run)]
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
        transcripts = simulate_all(batched, _parts(layout), workers, checked)
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


def _open_folder(layout: SweepLayout, plan: SweepPlan) -> None:
    """Make the folder, or clear it of what a killed process left half done."""
    folder = layout.folder
    if folder.exists() and not folder.is_dir():
        raise InputError(f"output {folder} is a file: choose another folder")
    if folder.exists() and not layout.plan.is_file() and not all(map(_is_ours, folder.iterdir())):
        raise InputError(f"output {folder} is no sweep, so it is kept as it is: choose another folder")
    folder.mkdir(exist_ok=True)
    # First of all, so that whatever else is in the folder is known as a sweep's.
    _write_yaml(layout.plan, plan.values)
    _parts(layout).mkdir(exist_ok=True)
    # A job of a cluster may go on when the command that began it was killed: its run is not ours.
    for left in layout.runs.glob("**/.*.lock"):
        with locked(left.with_name(left.name.removeprefix(".").removesuffix(".lock"))):
            pass
    for left in layout.runs.glob("**/.*.incomplete"):
        shutil.rmtree(left, ignore_errors=True)
    for left in folder.glob(".*.incomplete"):
        left.unlink()
    for languages, systems in plan.offline.items():
        _write_yaml(layout.offline(languages), systems)


def _is_ours(left: Path) -> bool:
    """Whether it is what a sweep leaves that could not even write its plan, as on a full disk."""
    return left.name in (".parts", ".jobs") or (
        left.name.startswith(".") and left.suffix in (".incomplete", ".lock")
    )


def _write_yaml(path: Path, values: Mapping[str, Any]) -> None:
    with replaced_file(path) as file:
        file.write_text(dump_yaml(values), encoding="utf-8")


def _finished(layout: SweepLayout, run: PlannedRun) -> bool:
    """Raises InputError when there is a result, but of other options, or it is damaged."""
    folder = layout.run(run.place)
    if not folder.exists():
        return False
    if not (folder / LOG).is_file():
        raise InputError(f"{folder} holds no {LOG}: remove that folder, and run the sweep again")
    said = run_configuration(folder)
    if not said:
        raise InputError(f"{folder} has no {CONFIGURATION}, so nobody knows what was run: remove it")
    wanted = run.configuration.values()
    differing = [name for name in wanted if name != "output" and said.get(name) != wanted[name]]
    if differing:
        name = differing[0]
        raise InputError(
            f"{folder} was run with {name} {said.get(name)!r}, but now it is {wanted[name]!r}: "
            "choose another --output, or remove that run"
        )
    return True


def _parts(layout: SweepLayout) -> Path:
    """Where the batched engine writes down what it has done, until all runs are there."""
    return layout.folder / ".parts"
