"""One stream, chunk by chunk through an engine, with what each chunk costs."""

import os
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from agents.streaming_agent import StreamingAgent
from foundation.errors import InputError
from models.sound.audio import SAMPLE_RATE


@dataclass(frozen=True)
class Chunk:
    """What came of one chunk. Costs are of taking the audio in, of the decision, and of all threads."""

    heard_ms: float
    text: str
    wall_ms: float
    cpu_ms: float


class Clock:
    """Wall-clock and processor time of a block, in ms."""

    def __enter__(self) -> "Clock":
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_ms = 1000 * (time.perf_counter() - self._wall_s)
        self.cpu_ms = 1000 * (time.process_time() - self._cpu_s)


def play(agent: StreamingAgent, pieces: Iterable[tuple[np.ndarray, bool]]) -> Iterator[Chunk]:
    """A fresh stream hears the pieces, (S,) at 16 kHz each with whether it is the last; one chunk for each.

    Raises InputError where the stream cannot go on, with the time.
    """
    stream = agent.engine.open_stream(agent.read_write_policy, agent.languages)
    for samples, finished in pieces:
        with Clock() as clock:
            stream.audio.append(samples, SAMPLE_RATE, finished)
            [decision] = agent.engine.step([stream])
        if decision.error is not None:
            raise InputError(f"after {decision.heard_ms / 1000:g} s: {decision.error}") from decision.error
        yield Chunk(decision.heard_ms, decision.text, clock.wall_ms, clock.cpu_ms)


def pieces_of(
    path: Path, chunk_ms: int, offset_s: float = 0.0, duration_s: float | None = None
) -> Iterator[tuple[np.ndarray, bool]]:
    """Chunks of a file at 16 kHz, or of a part of it; never more than one of them is in memory."""
    with soundfile.SoundFile(path) as file:
        if file.samplerate != SAMPLE_RATE:
            raise InputError(f"{path} has {file.samplerate} Hz: a long stream has {SAMPLE_RATE}")
        left = file.frames - round(offset_s * SAMPLE_RATE)
        if duration_s is not None:
            left = min(left, round(duration_s * SAMPLE_RATE))
        file.seek(round(offset_s * SAMPLE_RATE))
        while left > 0:
            samples = file.read(min(left, chunk_ms * SAMPLE_RATE // 1000), dtype="float32")
            left -= len(samples)
            yield samples, left <= 0


def resident_mib() -> float:
    """Memory of this process now; where the system does not tell, the most that it ever was."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / 2**20 if sys.platform == "darwin" else most / 2**10
