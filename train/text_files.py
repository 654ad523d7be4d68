"""Lines and tables as corpora bring them: UTF-8, perhaps compressed with gzip."""

import gzip
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from models.errors import InputError
from train.skipped import Skipped

Record = dict[str, str]  # a row of a table by column name


def read_lines(path: Path) -> list[str]:
    """The lines, without their ends; NAME.gz is unpacked. Raises InputError if that cannot be done."""
    if not path.is_file():
        raise InputError(f"{path}: no such file: correct the path")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        # Not splitlines(): texts hold signs that it takes for line ends, such as U+2028.
        lines = content.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 ({error.reason}): convert it") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged or not gzip ({error}): copy it again") from None
    return lines[:-1] if not lines[-1] else lines


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


def plain_spaces(text: str) -> str:
    """Without tabs, line ends, double spaces, and spaces at the ends."""
    return " ".join(text.split())
