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
    """The rows, which have the same columns, under one header; numbers to the right."""
    lines = [list(rows[0]), *([_text(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    left = [isinstance(value, str) for value in rows[0].values()]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if is_left else cell.rjust(width)
            for cell, width, is_left in zip(line, widths, left, strict=True)
        ).rstrip()
        for line in lines
    )


def markdown_table(rows: Sequence[Row]) -> str:
    """The rows as a table of Markdown; numbers to the right."""
    marks = ["---" if isinstance(value, str) else "--:" for value in rows[0].values()]
    lines = [list(rows[0]), marks, *([_text(value) for value in row.values()] for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def latex_table(rows: Sequence[Row]) -> str:
    """The rows as a tabular of LaTeX with the lines of booktabs; numbers to the right."""
    columns = "".join("l" if isinstance(value, str) else "r" for value in rows[0].values())
    header, *lines = [
        " & ".join(cell.translate(LATEX) for cell in line) + r" \\"
        for line in (list(rows[0]), *([_text(value) for value in row.values()] for row in rows))
    ]
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
        writer.writerow(rows[0])
        writer.writerows([_text(value) for value in row.values()] for row in rows)


TABLES = {"table": text_table, "markdown": markdown_table, "latex": latex_table}


def _text(value: str | float) -> str:
    # Three decimals, like SimulEval's scores.tsv.
    return f"{value:.3f}" if isinstance(value, float) else str(value)
