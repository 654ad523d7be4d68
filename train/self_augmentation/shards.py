"""Work shared out to the processes of torchrun, or done by one; the result does not depend on how many.

The parts of the work are fixed beforehand. Each process does every n-th of those that are not done yet and
writes its results into a journal of its own; the first process collects them. So a run that was killed goes
on with any number of processes. They need a folder that all of them see.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch.distributed as distributed
from tqdm import tqdm

from train.journal import Journal
from train.unfinished_folder import unfinished_folder, unfinished_path

Part = TypeVar("Part", bound=Sequence)

PATIENCE = timedelta(days=7)  # of processes that wait for the last one


@dataclass(frozen=True)
class Processes:
    """How many there are, and which this one is."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0  # on its machine

    @classmethod
    def of_environment(cls) -> "Processes":
        """As torchrun says; without it this one is alone."""
        get = os.environ.get
        return cls(int(get("RANK", 0)), int(get("WORLD_SIZE", 1)), int(get("LOCAL_RANK", 0)))

    @contextmanager
    def connected(self) -> Iterator[None]:
        if self.count == 1:
            yield
            return
        distributed.init_process_group("gloo", timeout=PATIENCE)
        try:
            yield
        finally:
            distributed.destroy_process_group()

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def shared_folder(
    processes: Processes, output: Path, settings: Mapping[str, Any], overwrite: bool = False
) -> Iterator[Path]:
    """The unfinished folder that all processes work in; the first one opens it, and closes it last."""
    if processes.rank > 0:
        processes.wait()
        yield unfinished_path(output)
        processes.wait()
        return
    with unfinished_folder(output, settings, overwrite) as folder:
        _collect(folder)
        processes.wait()
        yield folder
    processes.wait()


def work_through(
    folder: Path, parts: Sequence[Part], function: Callable[[Part], Any], processes: Processes
) -> list[Any] | None:
    """function(part) for every part, in their order; None in all processes but the first.

    The results must be JSON values.
    """
    done = {entry["part"] for entry in Journal(folder).entries}
    rest = [number for number in range(len(parts)) if number not in done][processes.rank :: processes.count]
    own = Journal(folder, f"journal-{processes.rank}.jsonl")
    silent = None if processes.rank == 0 else True
    with tqdm(total=sum(len(parts[number]) for number in rest), unit="text", disable=silent) as bar:
        for number in rest:
            own.append({"part": number, "result": function(parts[number])})
            bar.update(len(parts[number]))
    processes.wait()
    if processes.rank > 0:
        return None
    results = {entry["part"]: entry["result"] for entry in _collect(folder).entries}
    return [results[number] for number in range(len(parts))]


def _collect(folder: Path) -> Journal:
    """Moves what all processes have done into one journal; a kill in between leaves entries there twice."""
    journal = Journal(folder)
    journal.path.touch()
    for path in sorted(folder.glob("journal-*.jsonl")):
        for entry in Journal(folder, path.name).entries:
            journal.append(entry)
        path.unlink()
    return journal
