"""A folder of results is there whole or not at all: it is filled under another name and then renamed."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foundation.errors import InputError

LOG = "instances.log"  # SimulEval's: what makes a folder a result


@contextmanager
def result_folder(path: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """Gives an empty folder beside `path`; it is called `path` once the block ends without an error.

    After an error nothing is left. An earlier result at `path` stays until the new one is complete.
    Raises InputError when `path` exists and `overwrite` is not given, or when it is no result: such a
    folder is never deleted.
    """
    path = Path(path).resolve()
    _check(path, overwrite)
    # A process that is killed leaves its folder behind: the name must not look like a result.
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.incomplete")
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"output {path} cannot be made ({error.strerror}): choose another folder") from None
    try:
        yield partial
        _check(path, overwrite)
        if path.exists():
            shutil.rmtree(path)
        os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _check(path: Path, overwrite: bool) -> None:
    if not path.exists():
        return
    if not overwrite:
        raise InputError(f"output {path} exists: choose another --output, or give --overwrite to replace it")
    if not (path / LOG).is_file():
        raise InputError(f"output {path} is no result of an evaluation, so it is kept: choose another folder")
