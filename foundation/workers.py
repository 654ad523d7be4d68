"""Where work runs: in this process, in N processes of this machine, or in N jobs of a cluster.

Results do not depend on where. What a cluster wants to know besides (partition, account, GPUs) goes into
sbatch's own variables: SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_GPUS.
"""

import multiprocessing
import os
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

from foundation.cluster_jobs import in_jobs
from foundation.errors import InputError

Task = TypeVar("Task")
Result = TypeVar("Result")

# submitit's own local executor is Slurm's path without a cluster.
EXECUTORS = ("local", "slurm", "submitit-local")
AHEAD = 4  # tasks begun for each process before their results are asked for: bounds memory


def available_processes() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Workers:
    """How many work at once, and where."""

    jobs: int = 1
    executor: str = "local"
    log_folder: Path | None = None  # of a cluster's jobs, which all machines must see
    job_minutes: int = 24 * 60  # after which a cluster ends a job

    @property
    def in_process(self) -> bool:
        return self.executor == "local" and self.jobs == 1

    def in_order(
        self,
        function: Callable[[Task], Result],
        tasks: Iterable[Task],
        start: Callable[..., object] | None = None,
        arguments: tuple = (),
    ) -> Iterator[Result]:
        """function(task) for each task, in their order; `start(*arguments)` runs first in every process.

        One local job is this process itself. Where the caller stops early, for whatever reason, the processes
        and jobs are ended at once. Raises what the function raises, and InputError when a process dies.
        """
        if self.in_process:
            if start is not None:
                start(*arguments)
            yield from map(function, tasks)
        elif self.executor == "local":
            yield from self._in_processes(function, tasks, start, arguments)
        else:
            yield from in_jobs(self, function, list(tasks), start, arguments)

    def _in_processes(
        self,
        function: Callable[[Task], Result],
        tasks: Iterable[Task],
        start: Callable[..., object] | None,
        arguments: tuple,
    ) -> Iterator[Result]:
        # Forked processes would inherit torch's threads in a state in which they hang.
        context = multiprocessing.get_context("spawn")
        # Nothing is ever written: that its other end is closed tells the processes to end.
        ended, alive = context.Pipe(duplex=False)
        numbers = context.Value("i", 0)
        with tempfile.TemporaryDirectory(prefix="simulst.", ignore_cleanup_errors=True) as temporary:
            begin = (ended, numbers, temporary, start, arguments)
            pool = ProcessPoolExecutor(self.jobs, context, _begin, begin)
            pending: deque[Future[Result]] = deque()
            try:
                for task in tasks:
                    pending.append(pool.submit(function, task))
                    if len(pending) >= AHEAD * self.jobs:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            except BrokenProcessPool:
                raise InputError(
                    "a worker process could not start or died, perhaps for want of memory: repeat the "
                    "command with fewer --jobs"
                ) from None
            except BaseException:
                alive.close()
                raise
            finally:
                pool.shutdown(cancel_futures=True)
                alive.close()
                ended.close()


class _Place:
    """Which of its siblings a process is."""

    number = 0


def place() -> int:
    """The number of this process among those of the same `Workers`, from 0; 0 in a process of its own."""
    return _Place.number


def _begin(
    ended: Connection,
    numbers: "multiprocessing.sharedctypes.Synchronized[int]",
    temporary: str,
    start: Callable[..., object] | None,
    arguments: Sequence,
) -> None:
    """What every process of this machine does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and ends the pool
    threading.Thread(target=_end_with_parent, args=(ended,), daemon=True).start()
    tempfile.tempdir = temporary  # the parent clears it, also behind a process that was ended
    with numbers.get_lock():
        _Place.number = numbers.value
        numbers.value += 1
    if start is not None:
        start(*arguments)


def _end_with_parent(ended: Connection) -> None:
    """Ends this process when its parent wants it, or has died: one that is killed cannot end its children."""
    try:
        ended.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
