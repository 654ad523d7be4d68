"""Sums over the global batch: over all processes of a data-parallel run, or this one alone."""

import torch.distributed as distributed
from torch import Tensor


def processes() -> int:
    """How many processes share a batch."""
    running = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if running else 1


def global_sum(values: Tensor) -> Tensor:
    """The sum over all processes, without gradient. All of them must call it equally often."""
    values = values.detach().clone()
    if processes() > 1:
        distributed.all_reduce(values)
    return values


def global_mean(local_sum: Tensor, local_count: Tensor) -> Tensor:
    """This process' share of the mean over the global batch.

    The mean of the shares over processes is the mean over the global batch, and so is the mean of
    their gradients, which is what DistributedDataParallel computes.
    """
    return processes() * local_sum / global_sum(local_count).clamp(min=1)
