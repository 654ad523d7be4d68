"""Text files with one entry a line, read and written alike everywhere: UTF-8 in any locale, lines end at \\n.

A text may hold signs that Python's splitlines() takes for line ends (form feed, U+0085, U+2028): they are
white space here, and a line goes on behind them. So is a carriage return that stands alone.
"""

import gzip
import zlib
from collections.abc import Iterable
from pathlib import Path

from foundation.errors import InputError

BYTE_ORDER_MARK = "\ufeff"


def read_lines(path: Path) -> list[str]:
    """The lines without their ends, \\n or \\r\\n, and without byte order marks; NAME.gz is unpacked.

    A mark begins other lines than the first where files that had one were joined.

    Raises InputError, which names the file, where that cannot be done.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: name the file in it")
    if not path.is_file():
        raise InputError(f"{path}: no such file: correct the path")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = content.decode("utf-8").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 ({error.reason}): convert it") from None
    except (OSError, EOFError, zlib.error) as error:
        what = "is damaged or not gzip" if path.suffix == ".gz" else "cannot be read"
        raise InputError(f"{path} {what} ({error}): copy it again") from None
    lines = [line.lstrip(BYTE_ORDER_MARK) for line in lines]
    return lines[:-1] if not lines[-1] else lines


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write one line for each. Raises InputError for one that would be read as two, before it writes."""
    lines = list(lines)
    for line in lines:
        if "\n" in line or "\r" in line:
            raise InputError(f"{path} cannot hold {line!r} in one line: take the line end out of it")
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in lines)


def write_list(path: Path, entries: Iterable[str]) -> None:
    """Write a list of one entry a line. Raises InputError for what would be read back as something else.

    Besides a line end that is white space at an entry's ends, which readers of lists take off.
    """
    entries = list(entries)
    for entry in entries:
        if entry != entry.lstrip(BYTE_ORDER_MARK).strip():
            raise InputError(
                f"{path} cannot hold {entry!r}: readers of lists take the outer spaces off, "
                "and byte order marks"
            )
    write_lines(path, entries)


def plain_spaces(text: str) -> str:
    """The text with one space wherever white space of any kind stands, and none at its ends."""
    return " ".join(text.split())
