"""The same function over many tasks in several processes, results in the order of the tasks."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from foundation.errors import InputError
from models.child_process import end_with_parent

Task = TypeVar("Task")
Result = TypeVar("Result")

AHEAD = 4  # tasks begun for each process before their results are asked for: bounds memory


def available_processes() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def in_order(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    jobs: int,
    start: Callable[..., None] | None = None,
    arguments: tuple = (),
) -> Iterator[Result]:
    """function(task) for each task; `start(*arguments)` runs first in every process.

    One job is this process itself. Raises what the function raises, and InputError when a process dies.
    """
    if jobs == 1:
        if start is not None:
            start(*arguments)
        yield from map(function, tasks)
        return
    # Forked children would inherit torch's threads in a state in which they hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, _begin, (start, arguments))
    pending: deque[Future[Result]] = deque()
    try:
        for task in tasks:
            pending.append(pool.submit(function, task))
            if len(pending) >= AHEAD * jobs:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool:
        raise InputError(
            "a worker process could not start or died, perhaps for want of memory: repeat the command with "
            "fewer --jobs"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(start: Callable[..., None] | None, arguments: tuple) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and ends the pool
    end_with_parent()
    if start is not None:
        start(*arguments)
