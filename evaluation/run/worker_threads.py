"""How many of torch's threads each of several processes takes."""

from collections.abc import Callable

import torch

from foundation.workers import Workers


def share_of_threads(workers: Workers) -> tuple[Callable[..., object] | None, tuple]:
    """What `Workers.in_order` calls first in each process, and with what: a job of a cluster has its own."""
    if workers.executor != "local":
        return None, ()
    # This process's share of the machine, which OMP_NUM_THREADS may have made smaller.
    return set_threads, (max(1, torch.get_num_threads() // workers.jobs),)


def set_threads(threads: int) -> None:
    torch.set_num_threads(threads)
