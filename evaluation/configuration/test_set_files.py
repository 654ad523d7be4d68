"""Whether the files of a test set are there: asked before a model is loaded, which takes a minute."""

from collections.abc import Iterable
from pathlib import Path

from agents.test_set.input_lists import read_audio_list
from evaluation.configuration.evaluation_options import EvaluationOptions
from foundation.errors import InputError

LISTED = 10  # missing files that a message names


def check_files_exist(evaluations: Iterable[EvaluationOptions]) -> None:
    """Raises InputError for a list that does not exist, and one that names and counts missing audio files.

    What is in them is looked at later: it depends on how much audio the model hears.
    """
    for name, path in dict.fromkeys(
        (name, getattr(options, name)) for options in evaluations for name in ("source", "target")
    ):
        if not Path(path).is_file():
            fault = "is no text file" if Path(path).exists() else "does not exist"
            raise InputError(f"{name} {path} {fault}: give a text file with one entry in each line")
        if name == "source":
            _check_audio(path)


def _check_audio(source: str) -> None:
    files = read_audio_list(source)
    missing = [file for file in files if not Path(file).exists()]
    if missing:
        listed = ", ".join(missing[:LISTED]) + (", ..." if len(missing) > LISTED else "")
        raise InputError(
            f"{len(missing)} of {len(files)} files in {source} do not exist: {listed}: correct the paths "
            f"(relative ones start from {Path.cwd()})"
        )
