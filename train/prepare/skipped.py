"""Rows that cannot be used: counted by reason, listed in skipped.tsv, never dropped in silence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from foundation.files.text_lines import plain_spaces, write_lines

SKIPPED = "skipped.tsv"


@dataclass(frozen=True)
class Skipped:
    """A row that cannot be used, and why."""

    id: str
    reason: str
    detail: str = ""


def summary(skipped: Iterable[Skipped]) -> str:
    """How often which reason occurs, as in "2 x empty id"."""
    counts = Counter(row.reason for row in skipped)
    return "; ".join(f"{count} x {reason}" for reason, count in counts.most_common())


def first_detail(skipped: Iterable[Skipped]) -> str:
    """The first row that says more than its reason, as in "a7: /a/b.wav: no such file"; "" if none does."""
    return next((f"{row.id}: {row.detail}" for row in skipped if row.detail), "")


def write_skipped(folder: Path, skipped: Iterable[Skipped]) -> None:
    """Writes FOLDER/skipped.tsv, one row for each with its id, reason and detail."""
    rows = ("\t".join(plain_spaces(cell) for cell in (row.id, row.reason, row.detail)) for row in skipped)
    write_lines(folder / SKIPPED, ["id\treason\tdetail", *rows])


def report(done: str, output: Path, skipped: Sequence[Skipped]) -> None:
    """Prints what a command has done and what it has skipped."""
    print(f"{output}: {done}")
    if skipped:
        print(f"skipped {len(skipped)} rows ({summary(skipped)}): see {output / SKIPPED}")
