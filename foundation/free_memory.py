"""Gives memory that is not used any more back to the machine.

glibc keeps what was freed; networks that compute on tensors of ever other lengths for hours leave it in ever
smaller pieces, so that a process grows by half a gigabyte in an hour although it holds no more than before.
"""

import ctypes
import time
from functools import lru_cache

EVERY_S = 30.0  # it takes some ms

_given_back_s = -EVERY_S


def give_back_free_memory() -> None:
    """Give free memory back, once in half a minute at most; does nothing with other C libraries."""
    global _given_back_s
    now_s = time.monotonic()
    if now_s - _given_back_s >= EVERY_S:
        _given_back_s = now_s
        if trim := _malloc_trim():
            trim(0)


@lru_cache(maxsize=1)
def _malloc_trim():
    """glibc's function; None with other C libraries."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
