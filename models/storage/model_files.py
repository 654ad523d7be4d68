"""Reads the small files of a model folder.

A repository that was cloned without Git LFS has text files of three lines in place of its large files;
that is said of every kind of file, here and in `stored_weights`.
"""

import json
from pathlib import Path
from typing import Any

from foundation.errors import InputError

LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def refuse_lfs_pointer(path: Path) -> None:
    """Raises InputError where Git LFS would put a large file but has put its pointer."""
    try:
        with path.open("rb") as file:
            beginning = file.read(len(LFS_POINTER))
    except OSError:  # whoever reads the file says what is wrong
        return
    if beginning == LFS_POINTER:
        raise InputError(
            f"{path} is a Git LFS pointer, not the file itself: run `git lfs pull` in its repository, or "
            "download the model again"
        )


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises InputError for anything else."""
    refuse_lfs_pointer(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON ({error}): download it again") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): copy it again") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold a JSON object, found {type(content).__name__}: download it again")
    return content


def is_file(path: Path) -> bool:
    """Whether there is such a file; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
