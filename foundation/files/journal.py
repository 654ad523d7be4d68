"""What is done so far of a long task, so that it can be continued after a kill at any point."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from foundation.errors import InputError
from foundation.files.disk_errors import writing
from foundation.progress import Progress
from foundation.workers import Workers

Row = TypeVar("Row")
Result = TypeVar("Result")

JOURNAL = "journal.jsonl"


class Journal:
    """Results, one JSON value a line, in the order of the tasks. A line that a kill has cut is not done."""

    def __init__(self, folder: Path, name: str = JOURNAL) -> None:
        """Raises InputError for a line, other than a last one that was cut, which is no JSON."""
        self.path = folder / name
        content = self.path.read_bytes() if self.path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self.path, len(whole))
        self.entries: list[Any] = []
        for number, line in enumerate(whole.split(b"\n")[:-1], start=1):
            try:
                self.entries.append(json.loads(line))
            except (ValueError, RecursionError):
                raise damaged(self.path, f"line {number}") from None

    def append(self, entry: Any) -> None:
        """Writes a line. Raises InputError for what the disk refuses."""
        with writing(self.path), self.path.open("ab") as file:
            # Half a pair of surrogates, which a tokenizer may give, is read again as it was.
            line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "surrogatepass")
            file.write(line + b"\n")
        self.entries.append(entry)

    def work_through(
        self,
        parts: Sequence[Sequence[Row]],
        function: Callable[[Sequence[Row]], Result],
        workers: Workers,
        start: Callable[..., None] | None = None,
        arguments: tuple = (),
        entry: Callable[[Result], Any] = lambda result: result,
        unit: str = "clip",
    ) -> list[Any]:
        """All entries, one for each part: those that are not here yet are worked out.

        function, start and arguments are those of `Workers.in_order`; entry: what is written of a result.
        Raises InputError for more entries than parts.
        """
        if len(self.entries) > len(parts):
            raise damaged(self.path, f"{len(self.entries)} entries where there are {len(parts)} parts")
        done, rest = parts[: len(self.entries)], parts[len(self.entries) :]
        if not rest:
            return self.entries
        with Progress(sum(map(len, parts)), unit, done=sum(map(len, done))) as progress:
            results = workers.in_order(function, rest, start, arguments)
            for part, result in zip(rest, results, strict=True):
                self.append(entry(result))
                progress.add(len(part))
        return self.entries


def in_parts(rows: Sequence[Row], rows_at_once: int) -> list[Sequence[Row]]:
    """The rows in parts of `rows_at_once`, the last one shorter: for `Journal.work_through`."""
    return [rows[first : first + rows_at_once] for first in range(0, len(rows), rows_at_once)]


def damaged(path: Path, where: str) -> InputError:
    """The refusal of a journal in which something else stands than was written."""
    return InputError(f"{path} is damaged ({where}): remove this file, and run the command again")
