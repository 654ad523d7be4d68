"""Sweeps of systems over settings.

Runs systems x settings (x language pairs) with their offline runs, as a file says (its form:
evaluation/sweeps/plan.py), and writes points, curves, NoSE and a page to look at into one folder
(evaluation/sweeps/layout.py). The same command goes on where an earlier one was stopped, however that
happened; settings that are new in the file are added.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.configuration.test_set_files import check_files_exist
from evaluation.logs.result_folder import CONFIGURATION, LOG
from evaluation.sweeps.folder import run_configuration
from evaluation.sweeps.layout import SweepLayout
from evaluation.sweeps.plan import PlannedRun, SweepPlan
from evaluation.sweeps.results import write_results
from foundation.commands import load
from foundation.errors import InputError
from foundation.files.disk_errors import writing
from foundation.files.locks import locked
from foundation.files.whole_folder import replaced_file
from foundation.files.yaml_files import dump_yaml
from foundation.workers import Workers


def sweep(plan: SweepPlan, folder: Path, workers: Workers) -> str:
    """Run what is missing, and write the results; return what to tell. Raises InputError for bad input."""
    layout = SweepLayout(folder.absolute())
    check_files_exist(run.configuration.evaluation for run in plan.runs if not _finished(layout, run))
    with writing(layout.folder):
        layout.folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(layout.folder):
            _open_folder(layout, plan)
            missing = [run for run in plan.runs if not _finished(layout, run)]
            # Loaded once nothing was found to be wrong: it brings pandas and torch.
            load("evaluation.sweeps.missing_runs:run_missing")(layout, plan, missing, _parts(layout), workers)
            shutil.rmtree(_parts(layout), ignore_errors=True)
            return write_results(folder)


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
