"""Tables as corpora bring them: tab-separated lines, UTF-8, perhaps compressed with gzip."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from foundation.errors import InputError
from foundation.files.text_lines import read_lines
from train.prepare.skipped import Skipped

Record = dict[str, str]  # a row of a table by column name
SHOWN = 200  # characters of a header that a message repeats


def read_table(path: Path, columns: Iterable[str]) -> tuple[list[tuple[int, Record]], list[Skipped]]:
    """Rows of a tab-separated file with a header, numbered from 0, and those with missing fields.

    Raises InputError, naming the file and the line, if the header lacks one of `columns` or has it twice.
    """
    lines = read_lines(path)
    header = lines[0].split("\t") if lines else []
    for column in columns:
        if header.count(column) != 1:
            fault = f"has the column {column!r} twice" if column in header else f"has no column {column!r}"
            raise InputError(f"{path} {fault}: its first line has {shown(header)}: name one that it has once")
    return records(lines[1:], header, first_line=2)


def records(
    lines: Iterable[str], header: Sequence[str], first_line: int
) -> tuple[list[tuple[int, Record]], list[Skipped]]:
    """Lines as rows of the columns `header`, numbered from 0, and the lines with another number of fields.

    first_line: the number that the first of `lines` has in its file, for the reasons of what is skipped.
    """
    rows, skipped = [], []
    for number, line in enumerate(lines):
        fields = line.split("\t")
        if len(fields) == len(header):
            rows.append((number, dict(zip(header, fields, strict=True))))
        elif fields != [""]:
            detail = f"{len(fields)}, the header has {len(header)}"
            skipped.append(Skipped(f"line {number + first_line}", "wrong number of fields", detail))
    return rows, skipped


def is_file(path: Path) -> bool:
    """Whether there is such a file; no file has a name that the system refuses, for instance as too long."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def shown(names: Sequence[str]) -> str:
    """Column names for a message, which stays one readable line whatever the file holds."""
    text = ", ".join(map(repr, names))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."
