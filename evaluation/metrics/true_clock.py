"""When words would really appear: computation that overlaps with audio, and waits in line behind itself.

A chunk of audio is computed once it has arrived and all chunks before it are done:

    t = max(t, arrival) + compute

SimulEval's `elapsed` is arrival + all compute so far instead, as if the speaker stood still during
computation, so it overstates latency even where a machine keeps up. Latency metrics
(evaluation/metrics/latency.py) on these times are computation-aware latency.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.errors import InputError

SIGNATURE = "clock:max(t,arrival)+compute|length:reference|empty:skipped"


@dataclass(frozen=True)
class ChunkTiming:
    """One chunk of audio as an agent went through it. Times are in ms."""

    arrival_ms: float  # end of the chunk in the source
    compute_ms: float
    units_written: int = 0  # words, or characters, that this chunk's decision wrote

    def __post_init__(self) -> None:
        # Written so that NaN fails, too.
        if not (self.arrival_ms >= 0 and self.compute_ms >= 0 and self.units_written >= 0):
            raise InputError(f"times and counts of a chunk must be 0 or more, got {self}")


def finish_times(chunks: Sequence[ChunkTiming]) -> list[float]:
    """When each chunk is done, in ms from the start of the audio; as many as `chunks`.

    Raises InputError when chunks are not in the order of their arrival.
    """
    finished, times, arrived = 0.0, [], 0.0
    for chunk in chunks:
        if chunk.arrival_ms < arrived:
            raise InputError(f"chunks must be in order: {chunk.arrival_ms} ms comes behind {arrived} ms")
        arrived = chunk.arrival_ms
        finished = max(finished, arrived) + chunk.compute_ms
        times.append(finished)
    return times


def emission_times(chunks: Sequence[ChunkTiming]) -> list[float]:
    """When each unit appears, in ms: the time its chunk is done. As long as the prediction."""
    times = zip(finish_times(chunks), chunks, strict=True)
    return [time for time, chunk in times for _ in range(chunk.units_written)]
