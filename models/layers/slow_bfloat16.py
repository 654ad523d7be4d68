"""Whether a processor multiplies bfloat16: without instructions for it that format costs many times more."""

import logging
from functools import cache
from time import perf_counter

import torch

logger = logging.getLogger(__name__)
# A product of this size (rows, width, width) takes a processor half a millisecond in float32.
SIZE = (128, 256, 256)
SLOW = 2.0  # times as long as float32, from which on a warning is due


@cache
def warn_of_slow_bfloat16(device: torch.device | str, remedy: str) -> None:
    """Warns, once in a process, where bfloat16 is slow on this device.

    remedy: what to do instead, as a command says it.
    """
    times = bfloat16_slowdown() if torch.device(device).type == "cpu" else 1.0
    if times >= SLOW:
        logger.warning(
            "this processor has no instructions for bfloat16: products take about %.0f times as long as in "
            "float32; %s",
            times,
            remedy,
        )


@cache
def bfloat16_slowdown() -> float:
    """How many times as long as in float32 a product takes the processor in bfloat16, measured once."""
    return _seconds(torch.bfloat16) / _seconds(torch.float32)


def _seconds(dtype: torch.dtype) -> float:
    rows, width, columns = SIZE
    left, right = torch.ones(rows, width, dtype=dtype), torch.ones(width, columns, dtype=dtype)
    times = []
    for _ in range(3):  # the first also chooses a kernel
        start = perf_counter()
        left @ right
        times.append(perf_counter() - start)
    return min(times)
