"""A folder, or a file, is there whole or not at all: it is filled under another name and then renamed.

.NAME.incomplete    what is being filled; a process that was killed leaves it, and the next one clears it
.NAME.replaced      what was there before, for the moment between two renames
.NAME.lock          held by whoever writes (`foundation.files.locks`)
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foundation.errors import InputError
from foundation.files.disk_errors import writing
from foundation.files.locks import locked

DEVICES = Path("/dev")


@contextmanager
def whole_folder(path: str | Path, overwrite: bool = False, mark: str | None = None) -> Iterator[Path]:
    """Gives an empty folder beside `path`; it is called `path` once the block ends without an error.

    After an error nothing is left, and what was at `path` before stays until the new folder is complete.
    mark: name of a file by which a folder is known that may be replaced; without it none ever is. Raises
    InputError when `path` exists and may not be replaced, when another process is writing it, and for what
    the disk refuses.
    """
    path = Path(path).resolve()
    check_output(path, overwrite, mark)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            partial = path.with_name(f".{path.name}.incomplete")
            shutil.rmtree(partial, ignore_errors=True)
            restore(path)
            partial.mkdir()
            try:
                yield partial
                check_output(path, overwrite, mark)
                move_into_place(partial, path)
            finally:
                shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Gives the name of a file beside `path` that takes its place once the block ends without an error.

    Waits for another process that is writing the same file. Raises InputError for what the disk refuses, and
    for devices and pipes.
    """
    _check_replaceable(path)
    partial = path.with_name(f".{path.name}.incomplete")
    with writing(path), locked(path, wait=True):
        try:
            yield partial
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def _check_replaceable(path: Path) -> None:
    """Root may rename a file over /dev/null, and links such as /dev/stdout: nothing would work afterwards."""
    is_special = path.exists() and not (path.is_file() or path.is_dir())
    if is_special or path.absolute().parent == DEVICES:
        raise InputError(f"{path} is a device or a pipe, which no file may replace: name another output")


def check_output(path: Path, overwrite: bool, mark: str | None) -> None:
    """Raises InputError when something is at `path` that may not be replaced."""
    if not os.path.lexists(path):
        return
    if mark is None:
        raise InputError(f"{path} exists: choose another folder, or move that one away")
    if not overwrite:
        raise InputError(f"output {path} exists: name another --output, or add --overwrite to replace it")
    if not (path / mark).is_file():
        raise InputError(
            f"output {path} was not made by this command (it holds no {mark}), so it is kept: "
            "name another --output"
        )


def move_into_place(folder: Path, path: Path) -> None:
    """Rename `folder` to `path`; a folder that is there goes once the new one has its name."""
    earlier = _earlier(path)
    if path.exists():
        os.replace(path, earlier)
    os.replace(folder, path)
    shutil.rmtree(earlier, ignore_errors=True)


def restore(path: Path) -> None:
    """Undo what a process left that was killed while it moved a folder into its place."""
    earlier = _earlier(path)
    if not earlier.exists():
        return
    if path.exists():
        shutil.rmtree(earlier)
    else:
        os.replace(earlier, path)


def _earlier(path: Path) -> Path:
    return path.with_name(f".{path.name}.replaced")
