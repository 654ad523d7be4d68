"""Rows of results as a table to read, and as tab-separated values."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from foundation.whole_folder import replaced_file

Row = Mapping[str, str | float]


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


def write_tsv(path: Path, rows: Sequence[Row]) -> None:
    with replaced_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows([_text(value) for value in row.values()] for row in rows)


def _text(value: str | float) -> str:
    # Three decimals, like SimulEval's scores.tsv.
    return f"{value:.3f}" if isinstance(value, float) else str(value)
