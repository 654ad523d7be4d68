"""Tables as corpora bring them: UTF-8, tab-separated, perhaps compressed with gzip."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from models.errors import InputError
from models.text_lines import read_lines
from train.skipped import Skipped

Record = dict[str, str]  # a row of a table by column name


def read_table(path: Path, columns: Iterable[str]) -> tuple[list[tuple[int, Record]], list[Skipped]]:
    """Rows of a tab-separated file with a header, numbered from 0, and those with missing fields.

    Raises InputError if the header lacks one of `columns`.
    """
    lines = read_lines(path)
    header = lines[0].split("\t") if lines else []
    for column in columns:
        if column not in header:
            raise InputError(f"{path} has no column {column!r}: its first line has {header}")
    return records(lines[1:], header, first_line=2)


def records(
    lines: Iterable[str], header: Sequence[str], first_line: int
) -> tuple[list[tuple[int, Record]], list[Skipped]]:
    """Lines as rows of the columns `header`; first_line: which line of the file they begin with."""
    rows, skipped = [], []
    for number, line in enumerate(lines):
        fields = line.split("\t")
        if len(fields) == len(header):
            rows.append((number, dict(zip(header, fields, strict=True))))
        elif fields != [""]:
            detail = f"{len(fields)}, the header has {len(header)}"
            skipped.append(Skipped(f"line {number + first_line}", "wrong number of fields", detail))
    return rows, skipped
