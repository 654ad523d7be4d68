"""A folder that takes long to fill: it can be continued after any interruption, and appears when it is whole.

What is done so far is in OUTPUT.unfinished, with all settings that the result depends on. The same command
continues there; one with other settings is refused, so that nothing is mixed.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from foundation.files.disk_errors import writing
from foundation.files.journal import JOURNAL
from foundation.files.locks import locked
from foundation.files.whole_folder import check_output, move_into_place, replaced_file, restore

SETTINGS = "settings.json"
JOBS = ".jobs"  # logs of a cluster's jobs, which go once all is well


class NothingUsable(InputError):
    """The work in an unfinished folder is worth nothing: the folder goes."""


@contextmanager
def unfinished_folder(
    output: Path, settings: Mapping[str, Any], overwrite: bool = False, settings_file: str = SETTINGS
) -> Iterator[Path]:
    """Gives the folder to fill, perhaps with earlier work in it; it is called `output` once the block ends.

    Raises InputError when `output` exists (with overwrite: when it was not made this way), when the work in
    the folder was begun with other settings, when another process is at it, and for what the disk refuses.
    """
    output = output.absolute()
    if not output.parent.is_dir():
        raise InputError(f"{output.parent}: no such folder: create it first")
    check_output(output, overwrite, settings_file)
    folder = unfinished_path(output)
    with writing(output), locked(output):
        restore(output)
        check_output(output, overwrite, settings_file)  # what was restored must not be replaced unasked
        folder.mkdir(exist_ok=True)
        _check_settings(folder / settings_file, json.loads(json.dumps(settings)))
        try:
            yield folder
        except NothingUsable:
            shutil.rmtree(folder)
            raise
        (folder / JOURNAL).unlink(missing_ok=True)
        shutil.rmtree(folder / JOBS, ignore_errors=True)
        move_into_place(folder, output)


def unfinished_path(output: Path) -> Path:
    """Where the work on `output` lies until it is done."""
    output = output.absolute()
    return output.with_name(f"{output.name}.unfinished")


def _check_settings(file: Path, settings: dict[str, Any]) -> None:
    if not (file.exists() and (file.parent / JOURNAL).exists()):
        with replaced_file(file) as partial:
            partial.write_text(json.dumps(settings, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{file} is damaged: remove {file.parent}, and run the command again")
    for name in {**found, **settings}:
        if found.get(name) != settings.get(name):
            raise InputError(
                f"{file.parent} was begun with {name} {found.get(name)!r}, now it is {settings.get(name)!r}: "
                "repeat the first command, remove the folder, or name another output"
            )
