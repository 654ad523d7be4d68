"""Tasks shared out to the jobs of a cluster, by submitit.

Each of N jobs does every n-th task and leaves each result in a file of a folder that this process watches: so
results come while the jobs run, and an interrupted command has written down what was done. The folder belongs
to one run of a command; jobs that outlive it find no folder to write to, and end.
"""

import os
import pickle
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from foundation.errors import InputError

Task = TypeVar("Task")
Result = TypeVar("Result")

POLL_S = 0.5
GRACE_S = 60.0  # in which a file shows up on this machine after its job has ended on another one


class ClusterOptions(Protocol):
    """What `foundation.workers.Workers` says of a cluster's jobs."""

    jobs: int
    executor: str
    log_folder: Path | None
    job_minutes: int


def in_jobs(
    workers: ClusterOptions,
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    start: Callable[..., object] | None,
    arguments: tuple,
) -> Iterator[Result]:
    """Does as `Workers.in_order`, in jobs of a cluster.

    Raises InputError without submitit, without a cluster, and when a job dies.
    """
    if not tasks:
        return
    executor = _executor(workers)
    folder = Path(workers.log_folder).absolute() / f"results-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    count = min(workers.jobs, len(tasks))
    jobs: list[Any] = []
    try:
        for first in range(count):
            share = [(number, tasks[number]) for number in range(first, len(tasks), count)]
            jobs.append(executor.submit(_work, function, share, start, arguments, folder))
        for number in range(len(tasks)):
            yield _result(folder / f"{number}.pickle", jobs[number % count])
    except BaseException:
        for job in jobs:
            if not job.done():
                job.cancel()
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _executor(workers: ClusterOptions) -> Any:
    try:
        import submitit
    except ImportError:
        message = f'executor {workers.executor} needs submitit: pip install -e ".[cluster]"'
        raise InputError(message) from None
    cluster = "slurm" if workers.executor == "slurm" else "local"
    try:
        executor = submitit.AutoExecutor(workers.log_folder, cluster)
    except RuntimeError as error:
        raise InputError(f"executor {workers.executor} cannot be used here: {error}") from None
    executor.update_parameters(timeout_min=workers.job_minutes, tasks_per_node=1, nodes=1)
    return executor


def _work(
    function: Callable[[Task], Result],
    share: Sequence[tuple[int, Task]],
    start: Callable[..., object] | None,
    arguments: tuple,
    folder: Path,
) -> None:
    """What a job does. An error is the result of the task in which it occurs, and the last one."""
    begun = start is None
    for number, task in share:
        try:
            if not begun:
                start(*arguments)
                begun = True
            answer = (function(task), None)
        except Exception as error:
            answer = (None, error)
        partial = folder / f"{number}.partial"
        partial.write_bytes(pickle.dumps(answer))
        os.replace(partial, folder / f"{number}.pickle")
        if answer[1] is not None:
            return


def _result(file: Path, job: Any) -> Any:
    """Waits for the result of a task. Raises what was raised there, and InputError when the job has died."""
    ended_at = None
    while not file.exists():
        if ended_at is None and job.done():
            ended_at = time.monotonic()
        # A job that ended well has written its file, which a network's file system may show late.
        if ended_at is not None and (_has_failed(job) or time.monotonic() - ended_at > GRACE_S):
            raise InputError(
                f"job {job.job_id} ended without a result ({job.state}): see {job.paths.stderr}, and run the "
                "command again"
            )
        time.sleep(POLL_S)
    result, error = pickle.loads(file.read_bytes())
    file.unlink()
    if error is not None:
        raise error
    return result


def _has_failed(job: Any) -> bool:
    return job.exception() is not None
