"""The lists of a SimulEval test set: one audio path, and one reference, in each line.

Read here for both engines, SimulEval's own loading included (`agents/test_set/list_dataloader.py`), so that
a test set means the same to all, whatever the locale.
"""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from foundation.errors import InputError
from foundation.files.shipped_files import shipped_file
from foundation.files.text_lines import plain_spaces, read_lines
from models.sound.audio import check_audio_file, read_audio

LISTED = 10  # lines, or files, that a message names

logger = logging.getLogger(__name__)


def read_audio_list(path: str, name: str = "source") -> list[str]:
    """The audio paths, `~` expanded. Raises InputError for a list without any, or with a blank line in it."""
    entries = _read_list(path, name)
    blank = [number for number, entry in enumerate(entries, start=1) if not entry]
    if blank:
        raise InputError(
            f"{path} names no audio file in {_lines(blank)}: take blank lines out, and their references"
        )
    encoding = sys.getfilesystemencoding()
    for number, entry in enumerate(entries, start=1):
        try:
            entry.encode(encoding)
        except UnicodeEncodeError:
            raise InputError(
                f"{path} line {number} names {entry!r}, but this locale has {encoding} for file names: "
                "set LC_ALL=C.UTF-8"
            ) from None
    return [shipped_file(os.path.expanduser(entry)) for entry in entries]


def read_references(path: str, name: str = "target") -> list[str]:
    """The references, with single spaces in place of all white space. Raises InputError if there are none.

    SimulEval counts words by splitting at each single space, so a double one would count as a word more.
    """
    return [plain_spaces(entry) for entry in _read_list(path, name)]


def check_test_set(source: str, target: str | None, maximum_ms: float | None) -> None:
    """source and target name files with one audio path, and one reference, in each line.

    maximum_ms is the longest audio that the model hears. Warns of references that are blank, or not as they
    were written. Raises InputError: list missing or empty, lists of different length, or audio that cannot be
    used (all such files, up to ten).
    """
    check_audio_files(check_lists(source, target), source, maximum_ms)
    for warning in reference_warnings(target):
        logger.warning(warning)


def check_lists(source: str, target: str | None) -> list[str]:
    """The audio files that `check_test_set` would look at. Raises InputError as it does for lists."""
    audio_files = read_audio_list(source, "--source")
    if target is None:
        raise InputError("--target is missing: name a file with one reference in each line")
    references = read_references(target, "--target")
    if len(audio_files) != len(references):
        raise InputError(
            f"{source} lists {len(audio_files)} audio files but {target} has {len(references)} references: "
            "give one reference for each file, in the same order"
        )
    return audio_files


def check_audio_files(files: Sequence[str], place: str, maximum_ms: float | None, whole: bool = True) -> None:
    """Raises InputError for files that cannot be used (all such, up to ten). place: what lists them.

    whole: read each to its end, since a header tells nothing of damage behind it.
    """
    problems = []
    for file in files:
        try:
            check_audio_file(file, None if maximum_ms is None else maximum_ms / 1000)
            if whole:  # damage would stop SimulEval halfway
                read_audio(file)
        except InputError as error:
            problems.append(str(error))
    if problems:
        more = f"\n  and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
        listed = "\n  ".join(problems[:LISTED])
        raise InputError(
            f"{len(problems)} of {len(files)} files in {place} cannot be used:\n  {listed}{more}"
        )


def reference_warnings(target: str) -> list[str]:
    """What to tell of a list of references that scores would not show: one sentence of each kind, counted."""
    entries = _read_list(target, "target")
    found = []
    changed = [number for number, entry in enumerate(entries, start=1) if plain_spaces(entry) != entry]
    if changed:
        found.append(
            f"{target}: {len(changed)} of {len(entries)} references hold tabs, double, no-break or other "
            f"special spaces, which are read as single spaces ({_lines(changed)})"
        )
    blank = [number for number, entry in enumerate(entries, start=1) if not entry]
    if blank:
        found.append(
            f"{target}: {len(blank)} of {len(entries)} references are blank ({_lines(blank)}), and what is "
            "written there is scored against nothing: leave these sentences out of both lists"
        )
    return found


def _read_list(path: str, name: str) -> list[str]:
    """The entries without spaces around them; blank lines at the end of the file are none."""
    file = Path(shipped_file(os.path.expanduser(path)))
    if file.is_dir():
        raise InputError(f"{name} {path} is no text file: give one entry in each line")
    if not file.exists():
        raise InputError(f"{name} {path} does not exist: give a text file with one entry in each line")
    try:
        entries = [line.strip() for line in read_lines(file)]
    except InputError as error:
        raise InputError(f"{name} {error}") from None
    while entries and not entries[-1]:
        entries.pop()
    if not entries:
        raise InputError(f"{name} {path} is empty: give one entry in each line")
    return entries


def _lines(numbers: Sequence[int]) -> str:
    listed = ", ".join(map(str, numbers[:LISTED])) + (", ..." if len(numbers) > LISTED else "")
    return f"line {listed}" if len(numbers) == 1 else f"lines {listed}"
