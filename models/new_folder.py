"""A model folder, or a file in it, is there whole or not at all: it is written under another name first."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foundation.errors import InputError


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Gives an empty folder beside `path`, which is called `path` once the block ends without an error.

    Raises InputError when `path` exists already: a model is never overwritten.
    """
    path = path.resolve()
    _refuse_existing(path)
    partial = _beside(path)
    partial.mkdir(parents=True)
    try:
        yield partial
        _refuse_existing(path)
        os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Gives the name of a file beside `path` that takes its place once the block ends without an error."""
    partial = _beside(path)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    # A process that is killed leaves it behind: it must not look like a model.
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.incomplete")


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise InputError(f"{path} exists: choose another folder for the model, or move that one away")
