"""simulst sweep CONFIG.yaml --output DIR [--jobs N] [--executor local|slurm] [--KEY VALUE ...]

Runs systems x settings (x language pairs) with their offline runs, as a file says (its form:
evaluation/sweep_plan.py), and writes points, curves, NoSE and a page to look at into one folder
(evaluation/sweep_layout.py). The same command goes on where an earlier one was stopped, however that
happened; settings that are new in the file are added.
"""

import argparse
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from evaluation.batched_run import BatchedRun, batch_key, simulate_all
from evaluation.configuration import Configuration, configure
from evaluation.evaluate import evaluate, read_flags, write_scores
from evaluation.result_folder import LOG, read_configuration
from evaluation.scores import Scorers
from evaluation.sweep_layout import SweepLayout
from evaluation.sweep_plan import PlannedRun, SweepPlan, load_plan
from evaluation.sweep_results import write_results
from evaluation.worker_threads import share_of_threads
from foundation.disk_errors import writing
from foundation.locks import locked
from foundation.progress import Progress
from foundation.whole_folder import replaced_file, whole_folder
from foundation.workers import EXECUTORS, Workers
from models.errors import InputError

# Flags of this command; all others replace keys of the file.
OWN_FLAGS = ("output", "jobs", "executor")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="simulst sweep",
        description="Run systems at many settings, and draw and score their curves.",
        epilog="--KEY VALUE replaces a key that the file gives for all runs; `simulst options` lists them.",
        usage="simulst sweep CONFIG.yaml --output DIR [--jobs N] [--executor NAME] [--KEY VALUE ...]",
    )
    parser.add_argument("configuration", metavar="CONFIG.yaml", help="a sweep's file, see eval_configs/")
    parser.add_argument("--output", metavar="DIR", required=True, help="folder to make, or to go on with")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes, or jobs of a cluster")
    parser.add_argument(
        "--executor", choices=EXECUTORS, default="local", help="where they run; default: %(default)s"
    )
    if {"-h", "--help"} & set(arguments):
        arguments = ["--help"]
    try:
        flags = read_flags(arguments[1:])
    except ValueError as error:
        parser.error(str(error))
    own = [word for name in OWN_FLAGS if name in flags for word in (f"--{name}", *flags.pop(name))]
    args = parser.parse_args([*arguments[:1], *own])
    if args.jobs < 1:
        parser.error("--jobs takes a whole number from 1")
    folder = Path(args.output)
    plan = load_plan(args.configuration, folder, flags)
    print(sweep(plan, folder, Workers(args.jobs, args.executor, folder / ".jobs")))


def sweep(plan: SweepPlan, folder: Path, workers: Workers) -> str:
    """Run what is missing, and write the results; return what to tell. Raises InputError for bad input."""
    layout = SweepLayout(folder.absolute())
    with writing(layout.folder):
        layout.folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(layout.folder):
            _open_folder(layout, plan)
            _run_missing(layout, plan, workers)
            shutil.rmtree(_parts(layout), ignore_errors=True)
            return write_results(folder)


def _run_missing(layout: SweepLayout, plan: SweepPlan, workers: Workers) -> None:
    missing = [run for run in plan.runs if not _finished(layout, run)]
    scorers = {run.place: Scorers(run.configuration.evaluation) for run in missing}
    groups: dict[Any, list[PlannedRun]] = {}
    for run in missing:
        if run.configuration.evaluation.engine == "batched":
            groups.setdefault(batch_key(run.configuration), []).append(run)
    for group in groups.values():
        batched = BatchedRun(tuple(run.configuration for run in group))
        transcripts = simulate_all(batched, _parts(layout), workers)
        for lane, run in enumerate(group):
            with whole_folder(run.configuration.evaluation.output) as result:
                batched.write_logs(lane, transcripts, result)
                write_scores(run.configuration, scorers[run.place], result)
    _run_one_by_one([run.configuration for run in missing if run not in sum(groups.values(), [])], workers)


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
        file.write_text(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True), encoding="utf-8")


def _finished(layout: SweepLayout, run: PlannedRun) -> bool:
    """Raises InputError when there is a result, but of other options, or it is damaged."""
    folder = layout.run(run.place)
    if not folder.exists():
        return False
    if not (folder / LOG).is_file():
        raise InputError(f"{folder} holds no {LOG}: remove that folder, and run the sweep again")
    said = read_configuration(folder)
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
