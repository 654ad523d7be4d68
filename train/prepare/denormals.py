"""Numbers near 0, which cost a processor many times as long as others, count as 0 while models run."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


def flush_denormals() -> None:
    """From now on in this process: for those that do nothing else."""
    import torch

    torch.set_flush_denormal(True)


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Inside only: who calls a command from Python goes on with all numbers. Serves as a decorator, too."""
    import torch

    were_flushed = sys.float_info.min * 0.5 == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(were_flushed)
