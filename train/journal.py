"""What is done so far of a long task, so that it can be continued after a kill at any point."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from train.unfinished_folder import JOURNAL
from train.worker_processes import in_order

Row = TypeVar("Row")
Result = TypeVar("Result")


class Journal:
    """Results, one JSON value a line, in the order of the tasks. A line that a kill has cut is not done."""

    def __init__(self, folder: Path, name: str = JOURNAL) -> None:
        self.path = folder / name
        content = self.path.read_bytes() if self.path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self.path, len(whole))
        self.entries: list[Any] = [json.loads(line) for line in whole.split(b"\n")[:-1]]

    def append(self, entry: Any) -> None:
        with self.path.open("ab") as file:
            file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        self.entries.append(entry)

    def work_through(
        self,
        rows: Sequence[Row],
        rows_at_once: int,
        function: Callable[[Sequence[Row]], Result],
        jobs: int,
        start: Callable[..., None] | None = None,
        arguments: tuple = (),
        entry: Callable[[Result], Any] = lambda result: result,
        unit: str = "clip",
    ) -> list[Any]:
        """All entries, one for each `rows_at_once` rows: those that are not here yet are worked out.

        function, start and arguments are those of `in_order`; entry: what is written of a result.
        """
        parts = [rows[first : first + rows_at_once] for first in range(0, len(rows), rows_at_once)]
        done, rest = parts[: len(self.entries)], parts[len(self.entries) :]
        with tqdm(total=len(rows), initial=sum(map(len, done)), unit=unit, disable=None) as bar:
            results = in_order(function, rest, min(jobs, max(len(rest), 1)), start, arguments) if rest else ()
            for part, result in zip(rest, results, strict=True):
                self.append(entry(result))
                bar.update(len(part))
        return self.entries
