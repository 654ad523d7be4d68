"""The folder in which the image of a submission is built: everything that the Dockerfile copies, and no more.

    Dockerfile  compose.yaml  .dockerignore
    constraints.txt       the versions of the libraries here
    toolkit/              the toolkit itself, without the models that it ships
    submission/           the speech processor: processor.yaml, model/, recogniser/ of a cascade, the files
                          that its options name, and agent.py where that is the user's

All paths in processor.yaml start from its own folder.
"""

import dataclasses
import json
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.configuration.agent_files import agent_names
from evaluation.configuration.evaluation_file import Configuration
from evaluation.configuration.evaluation_options import EvaluationOptions
from foundation.errors import InputError
from foundation.files.shipped_files import ROOT
from foundation.files.yaml_files import dump_yaml
from foundation.options import options_of
from models.policy.folder import CONFIG as POLICY
from models.policy.folder import has_policy, policy_base
from models.registry import base_model
from models.storage.locate import locate_model
from serve.container.constraints import constraints, extras_of
from serve.simulstream_options import SimulstreamOptions

HERE = Path(__file__).parent
DOCKER_FILES = {"Dockerfile": "Dockerfile", "compose.yaml": "compose.yaml", "dockerignore": ".dockerignore"}
# Those that the Dockerfile installs.
EXTRAS = ("serve", "audio-language")
PACKAGES = ("simulst", "foundation", "models", "agents", "train", "evaluation", "serve")
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")

PROCESSOR = "processor.yaml"
MODEL, RECOGNISER, AGENT = "model", "recogniser", "agent.py"
# Files that options name, and what they are called in the image.
NAMED = {"context": "context.txt", "alignment_heads": "alignment_heads.json"}
BASE = "base"  # within a policy's folder, the model that it is for


def write_image(folder: Path, configuration: Configuration) -> None:
    """Fill an empty folder. Raises InputError when the toolkit, or the model, cannot go into an image."""
    for name, written in DOCKER_FILES.items():
        shutil.copyfile(HERE / name, folder / written)
    _write_toolkit(folder / "toolkit")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = constraints(extras_of(project, EXTRAS))
    (folder / "constraints.txt").write_text("\n".join(versions) + "\n", encoding="utf-8")
    submission = folder / "submission"
    submission.mkdir()
    values = processor_values(configuration)
    values["model"] = _write_model(configuration.agent_options.model, submission / MODEL)
    if configuration.recogniser is not None:
        recogniser = configuration.recogniser.model
        values["recogniser"] = _write_model(recogniser, submission / RECOGNISER)
    for name, written in NAMED.items():
        if values[name] is not None:
            shutil.copyfile(values[name], submission / written)
            values[name] = written
    if configuration.agent not in agent_names():
        shutil.copyfile(configuration.agent, submission / AGENT)
        values["agent"] = AGENT
    (submission / PROCESSOR).write_text(dump_yaml(values), encoding="utf-8")


def check_image(configuration: Configuration) -> None:
    """Raises InputError when `write_image` would, before hours of computation rather than after."""
    _check_toolkit()
    _check_model(configuration.agent_options.model)
    if configuration.recogniser is not None:
        _check_model(configuration.recogniser.model)
    values = processor_values(configuration)
    for name in NAMED:
        if values[name] is not None and not Path(values[name]).is_file():
            raise InputError(f"{name} {values[name]} does not exist, or is no file: correct the path")


def processor_values(configuration: Configuration) -> dict[str, Any]:
    """The keys of a file for simulstream: its own, and those of the agent in an evaluation file."""
    of_evaluations = options_of(EvaluationOptions)
    kept = {name: value for name, value in configuration.values().items() if name not in of_evaluations}
    return {**dataclasses.asdict(SimulstreamOptions()), **kept}


def _check_toolkit() -> None:
    missing = [name for name in FILES if not (ROOT / name).is_file()]
    if missing:
        raise InputError(
            f"{ROOT} lacks {', '.join(missing)}, of which an image is made: run this from a checkout "
            "(`git clone`, `pip install -e .`), not from an installed package"
        )


def _write_toolkit(folder: Path) -> None:
    _check_toolkit()
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=_left_out, copy_function=shutil.copyfile)
    for name in FILES:
        shutil.copyfile(ROOT / name, folder / name)


def _left_out(folder: str, names: Sequence[str]) -> list[str]:
    is_models = Path(folder) == ROOT / "models"
    return [name for name in names if name == "__pycache__" or is_models and name == "weights"]


def _check_model(model: str) -> None:
    for path in (locate_model(model), base_model(model)):
        if (path / "adapter_config.json").is_file():
            raise InputError(
                f"{path} holds adapters without the model that they change: merge them by `simulst export`, "
                "and name the folder that it writes"
            )


def _write_model(model: str, folder: Path) -> str:
    """Copy a model, and the one that it is a policy for; returns its path from the folder around."""
    _check_model(model)
    path = locate_model(model).resolve()
    if path.is_file():
        folder.mkdir()
        _copy_files([path], folder)
        return f"{folder.name}/{path.name}"
    _copy_folder(path, folder)
    if has_policy(path) and policy_base(path) is not None:
        base = _write_model(str(base_model(model)), folder / BASE)
        _name_base(folder / POLICY, base)
    return folder.name


def _copy_folder(source: Path, target: Path) -> None:
    """Copy the files of a model's folder; sub-folders, such as checkpoints, are no part of it."""
    target.mkdir()
    _copy_files([file for file in sorted(source.iterdir()) if file.is_file() and file.name[0] != "."], target)


def _copy_files(files: Sequence[Path], target: Path) -> None:
    """Copy contents only: the image's user must read what perhaps only the owner of the files can here."""
    for file in files:
        shutil.copyfile(file, target / file.name)


def _name_base(file: Path, base: str) -> None:
    config: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**config, "base": base}, indent=1) + "\n", encoding="utf-8")
