"""simulst sweep CONFIG.yaml --output DIR [--jobs N] [--executor local|slurm] [--KEY VALUE ...]

Runs systems x settings (x language pairs) with their offline runs, as a file says (its form:
evaluation/sweep_plan.py), and writes points, curves, NoSE and a page to look at into one folder
(evaluation/sweep_layout.py). The same command goes on where an earlier one was stopped, however that
happened; settings that are new in the file are added.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from evaluation.batched_run import BatchedRun, batch_key, simulate_all
from evaluation.configuration import Configuration, configure
from evaluation.evaluate import evaluate
from evaluation.run_scores import SCORES, run_folder, write_scores
from evaluation.scores import Scorers
from evaluation.sweep_arguments import SweepArguments
from evaluation.sweep_check import check_runs
from evaluation.sweep_folder import CONFIGURATION, run_configuration
from evaluation.sweep_layout import SweepLayout
from evaluation.sweep_plan import PlannedRun, SweepPlan, load_plan
from evaluation.sweep_results import write_results
from evaluation.test_set_files import check_files_exist
from evaluation.workers import Workers
from foundation.errors import InputError
from foundation.yaml_files import dump_yaml
from models.new_folder import replaced_file


def run(options: SweepArguments, keys: Mapping[str, Sequence[str]]) -> None:
    """`simulst sweep`. keys: the words behind each flag that replaces a key of the file."""
    plan = load_plan(options.configuration, options.output, keys)
    print(sweep(plan, options.output, Workers(options.jobs, options.executor, options.output / ".jobs")))


def sweep(plan: SweepPlan, folder: Path, workers: Workers) -> str:
    """Run what is missing, and write the results; return what to tell. Raises InputError for bad input."""
    layout = SweepLayout(folder)
    missing = [run for run in plan.runs if not _finished(layout, run)]
    check_files_exist(run.configuration.evaluation for run in missing)
    _open_folder(layout, plan)
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
    shutil.rmtree(_parts(layout), ignore_errors=True)
    return write_results(folder)


def _run_one_by_one(configurations: Sequence[Configuration], workers: Workers) -> None:
    """By SimulEval, each run in a process of its own where there are several."""
    if not configurations:
        return
    with tqdm(total=len(configurations), unit="run", disable=None) as bar:
        if workers.in_process:
            for configuration in configurations:
                evaluate(configuration)
                bar.update()
            return

        def show() -> None:
            done = sum(Path(one.evaluation.output).exists() for one in configurations)
            bar.update(done - bar.n)

        workers.run(evaluate_values, [(one.values(),) for one in configurations], show)


def evaluate_values(values: Mapping[str, Any]) -> None:
    """What a process does: one run, given as keys with values."""
    evaluate(configure(values, values["output"]))


def _open_folder(layout: SweepLayout, plan: SweepPlan) -> None:
    """Make the folder, or clear it of what a killed process left half done."""
    if layout.folder.exists() and not layout.plan.is_file() and any(layout.folder.iterdir()):
        raise InputError(f"output {layout.folder} is no sweep, so it is kept as it is: choose another folder")
    _parts(layout).mkdir(parents=True, exist_ok=True)
    for left in layout.runs.glob("**/.*.incomplete"):
        shutil.rmtree(left, ignore_errors=True)
    for left in layout.folder.glob(".*.incomplete"):
        left.unlink()
    _write_yaml(layout.plan, plan.values)
    for languages, systems in plan.offline.items():
        _write_yaml(layout.offline(languages), systems)


def _write_yaml(path: Path, values: Mapping[str, Any]) -> None:
    with replaced_file(path) as file:
        file.write_text(dump_yaml(values), encoding="utf-8")


def _finished(layout: SweepLayout, run: PlannedRun) -> bool:
    """Raises InputError when there is a result, but of other options."""
    folder = layout.run(run.place)
    if not folder.exists():
        return False
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
