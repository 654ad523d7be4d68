"""Where work runs: in this process, in N processes of this machine, or in N jobs of a cluster.

Processes and jobs have one interface, that of concurrent.futures: submitit's executors have it too. What
else a cluster wants to know (partition, account, GPUs) goes into sbatch's own variables: SBATCH_PARTITION,
SBATCH_ACCOUNT, SBATCH_GPUS.
"""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from foundation.errors import InputError
from models.child_process import end_with_parent


@dataclass(frozen=True)
class Workers:
    """How many work at once, and where."""

    jobs: int = 1
    executor: str = "local"
    log_folder: Path | None = None  # of a cluster's jobs
    job_minutes: int = 24 * 60  # after which a cluster ends a job

    @property
    def in_process(self) -> bool:
        return self.executor == "local" and self.jobs == 1

    def run(self, function: Callable, tasks: Sequence[tuple], watch: Callable[[], None]) -> None:
        """Call function(*task) for all tasks, which must not need each other; call `watch` meanwhile.

        Raises what the function raises.
        """
        with self._open() as executor:
            running = [executor.submit(function, *task) for task in tasks]
            while not all(job.done() for job in running):
                watch()
                time.sleep(0.5)
            watch()
            for job in running:
                job.result()

    @contextmanager
    def _open(self):
        if self.executor == "local":
            # This process's share of the machine, which OMP_NUM_THREADS may have made smaller.
            threads = max(1, torch.get_num_threads() // self.jobs)
            # Forked processes would share the threads of this one's torch.
            context = multiprocessing.get_context("spawn")
            pool: Executor = ProcessPoolExecutor(self.jobs, context, _begin, (threads,))
            try:
                yield pool
            finally:
                pool.shutdown(cancel_futures=True)
            return
        try:
            import submitit
        except ImportError:
            raise InputError(
                f'executor {self.executor} needs submitit: pip install -e ".[cluster]"'
            ) from None
        cluster = "slurm" if self.executor == "slurm" else "local"
        try:
            executor = submitit.AutoExecutor(self.log_folder, cluster)
        except RuntimeError as error:
            raise InputError(f"executor {self.executor} cannot be used here: {error}") from None
        executor.update_parameters(timeout_min=self.job_minutes, tasks_per_node=1, nodes=1)
        yield executor


def _begin(threads: int) -> None:
    """What every process of this machine does first."""
    torch.set_num_threads(threads)
    end_with_parent()
