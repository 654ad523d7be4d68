"""Rows that cannot be used: counted by reason, listed in skipped.tsv, never dropped in silence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.text_lines import plain_spaces, write_lines

SKIPPED = "skipped.tsv"


@dataclass(frozen=True)
class Skipped:
    """A row that cannot be used."""

    id: str
    reason: str
    detail: str = ""


def summary(skipped: Iterable[Skipped]) -> str:
    """How often which reason, e.g. "2 x empty id"."""
    counts = Counter(row.reason for row in skipped)
    return "; ".join(f"{count} x {reason}" for reason, count in counts.most_common())


def write_skipped(folder: Path, skipped: Iterable[Skipped]) -> None:
    rows = ("\t".join(plain_spaces(cell) for cell in (row.id, row.reason, row.detail)) for row in skipped)
    write_lines(folder / SKIPPED, ["id\treason\tdetail", *rows])


def report(done: str, output: Path, skipped: Sequence[Skipped]) -> None:
    """Prints what a command has done and what it has skipped."""
    print(f"{output}: {done}")
    if skipped:
        print(f"skipped {len(skipped)} rows ({summary(skipped)}): see {output / SKIPPED}")
