"""Workers of the commands that prepare data, and the device that each of them takes."""

from pathlib import Path

from foundation.errors import InputError
from foundation.files.unfinished_folder import JOBS
from foundation.workers import Workers, available_processes, place


def workers_in(folder: Path, jobs: int | None, executor: str) -> Workers:
    """Workers for an unfinished folder; without a number as many as this process may use cores.

    Raises InputError for a cluster without a number of jobs.
    """
    if jobs is None and executor != "local":
        raise InputError(f"--executor {executor} takes --jobs N: how many jobs of the cluster shall work?")
    return Workers(jobs or available_processes(), executor, folder / JOBS)


def own_device(device: str) -> str:
    """Where `cuda` is asked for, the processes of one machine take its GPUs in turns."""
    if device != "cuda":
        return device
    # Imported only here: `prepare speak` computes nothing, and its processes start in a tenth of the time.
    import torch

    if torch.cuda.device_count() < 2:
        return device
    return f"cuda:{place() % torch.cuda.device_count()}"
