"""A folder that takes long to fill: it can be continued after any interruption, and appears when it is whole.

What is done so far is in OUTPUT.unfinished, with all settings that the result depends on. The same command
continues there; one with other settings is refused, so that nothing is mixed.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foundation.errors import InputError

SETTINGS = "settings.json"
JOURNAL = "journal.jsonl"  # lists what is done (`train.journal`)
LOCK = "lock"


class NothingUsable(InputError):
    """The work in an unfinished folder is worth nothing: the folder goes."""


@contextmanager
def unfinished_folder(
    output: Path, settings: Mapping[str, Any], overwrite: bool = False, settings_file: str = SETTINGS
) -> Iterator[Path]:
    """Gives the folder to fill, perhaps with earlier work in it; it is called `output` once the block ends.

    Raises InputError when `output` exists (with overwrite: when it was not made this way), when the work in
    the folder was begun with other settings, or when another process is at it.
    """
    output = output.absolute()
    _check(output, overwrite, settings_file)
    folder = unfinished_path(output)
    folder.mkdir(exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"another process fills {folder}: wait for it, or name another output") from None
        _check_settings(folder / settings_file, json.loads(json.dumps(settings)))
        try:
            yield folder
        except NothingUsable:
            shutil.rmtree(folder)
            raise
        (folder / LOCK).unlink()
        (folder / JOURNAL).unlink(missing_ok=True)
        if output.exists():
            shutil.rmtree(output)
        os.replace(folder, output)


def unfinished_path(output: Path) -> Path:
    """Where the work on `output` lies until it is done."""
    output = output.absolute()
    return output.with_name(f"{output.name}.unfinished")


def _check(output: Path, overwrite: bool, settings_file: str) -> None:
    if not output.parent.is_dir():
        raise InputError(f"{output.parent}: no such folder: create it first")
    if output.exists() and not overwrite:
        raise InputError(f"{output} exists: name another output, or add --overwrite")
    if output.exists() and not (output / settings_file).is_file():
        raise InputError(f"{output} was not made by this command, so it stays: name another output")


def _check_settings(file: Path, settings: dict[str, Any]) -> None:
    if not (file.exists() and (file.parent / JOURNAL).exists()):
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(settings, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(partial, file)
        return
    found = json.loads(file.read_text(encoding="utf-8"))
    for name in {**found, **settings}:
        if found.get(name) != settings.get(name):
            raise InputError(
                f"{file.parent} was begun with {name} {found.get(name)!r}, now it is {settings.get(name)!r}: "
                "repeat the first command, remove the folder, or name another output"
            )
