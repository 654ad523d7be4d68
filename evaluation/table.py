"""Rows of results as a table to read, in plain text, Markdown or LaTeX, and as tab-separated values."""

import codecs
import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from foundation.errors import InputError
from foundation.files.whole_folder import replaced_file

Row = Mapping[str, str | float]

# Characters that mean something to LaTeX.
LATEX = str.maketrans(
    {mark: f"\\{mark}" for mark in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)


def text_table(rows: Sequence[Row]) -> str:
    """The rows under one header, with an empty cell where a row lacks a column; numbers to the right."""
    lines = _lines(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    left = _are_texts(rows)
    return "\n".join(
        "  ".join(
            cell.ljust(width) if is_left else cell.rjust(width)
            for cell, width, is_left in zip(line, widths, left, strict=True)
        ).rstrip()
        for line in lines
    )


def markdown_table(rows: Sequence[Row]) -> str:
    """The rows as a table of Markdown; numbers to the right."""
    header, *lines = _lines(rows)
    marks = ["---" if is_text else "--:" for is_text in _are_texts(rows)]
    lines = [header, marks, *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def latex_table(rows: Sequence[Row]) -> str:
    """The rows as a tabular of LaTeX with the lines of booktabs; numbers to the right."""
    columns = "".join("l" if is_text else "r" for is_text in _are_texts(rows))
    header, *lines = [" & ".join(cell.translate(LATEX) for cell in line) + r" \\" for line in _lines(rows)]
    parts = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", header, r"\midrule", *lines]
    return "\n".join([*parts, r"\bottomrule", r"\end{tabular}"])


def read_tsv(path: Path, required: Sequence[str], mend: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row's place, as `FILE line 3`, and its cells by the names of the header, without blanks around.

    Lines without any text are left out. required: columns that must be there; mend: what to do with a
    damaged file. Raises InputError that names the file, and the line that is no UTF-8, or has more or fewer
    cells than the header.
    """
    try:
        data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {mend}") from None
    header: list[str] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        place = f"{path} line {number}"
        try:
            text = line.decode("utf-8").removesuffix("\r")
            [cells] = csv.reader([text], delimiter="\t", strict=True) if text.strip() else [[]]
        except UnicodeDecodeError:
            raise InputError(f"{place} is no UTF-8 text: {mend}") from None
        except (csv.Error, ValueError) as error:
            raise InputError(f"{place} is no row of a table ({error}): {mend}") from None
        cells = [cell.strip() for cell in cells]
        if number == 1:
            header = cells
            for name in dict.fromkeys([*required, *header]):
                if header.count(name) != 1:
                    found = ", ".join(header)[:200] or "nothing"
                    raise InputError(f"{place} must name a column {name!r} once, found {found}: {mend}")
        elif cells:
            if len(cells) != len(header):
                raise InputError(f"{place} has {len(cells)} columns, its header has {len(header)}: {mend}")
            yield place, dict(zip(header, cells, strict=True))


def number(text: str, place: str, name: str) -> float:
    """The number in a cell; not finite where the text says so. Raises InputError for any other text."""
    try:
        if "_" in text:
            raise ValueError
        return float(text)
    except ValueError:
        raise InputError(f"{place}: {name} must be a number, got {text[:60]!r}") from None


def write_tsv(path: Path, rows: Sequence[Row]) -> None:
    with replaced_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerows(_lines(rows))


TABLES = {"table": text_table, "markdown": markdown_table, "latex": latex_table}


def _columns(rows: Sequence[Row]) -> list[str]:
    """Those of all rows: of a sweep over language pairs each may be scored by metrics of its own."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _lines(rows: Sequence[Row]) -> list[list[str]]:
    """The header, and the cells of each row below their names."""
    columns = _columns(rows)
    return [columns, *([_text(row.get(name, "")) for name in columns] for row in rows)]


def _are_texts(rows: Sequence[Row]) -> list[bool]:
    """Of each column, whether its first cell is a text."""
    firsts = (next(row[name] for row in rows if name in row) for name in _columns(rows))
    return [isinstance(first, str) for first in firsts]


def _text(value: str | float) -> str:
    # Three decimals, like SimulEval's scores.tsv.
    return f"{value:.3f}" if isinstance(value, float) else str(value)
