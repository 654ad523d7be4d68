"""Time and rates on a device that works on its own."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch


def wait(device: torch.device) -> None:
    """Until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def wall_s(device: torch.device, call: Callable[[], object]) -> float:
    wait(device)
    started = time.perf_counter()
    call()
    wait(device)
    return time.perf_counter() - started


def matrix_rate(device: torch.device, dtype: torch.dtype, repeats: int = 10) -> float:
    """Floating-point operations a second of large products: what networks reach at best."""
    size = 8192 if device.type == "cuda" else 512
    one, other = torch.randn(2, size, size, device=device, dtype=dtype)
    wall_s(device, lambda: one @ other)
    return repeats * 2 * size**3 / wall_s(device, lambda: [one @ other for _ in range(repeats)])


@contextmanager
def timed_parts(
    translator: object, parts: Mapping[str, str], device: torch.device
) -> Iterator[dict[str, float]]:
    """Seconds of each part for as long as the block lasts; parts: names of methods, and what they are."""
    seconds: dict[str, float] = defaultdict(float)

    def timed(method: Callable, part: str) -> Callable:
        def call(*args, **keywords):
            wait(device)
            started = time.perf_counter()
            result = method(*args, **keywords)
            wait(device)
            seconds[part] += time.perf_counter() - started
            return result

        return call

    for name, part in parts.items():
        setattr(translator, name, timed(getattr(translator, name), part))
    try:
        yield seconds
    finally:
        for name in parts:
            delattr(translator, name)
