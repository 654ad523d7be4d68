"""All agents hear the same audio in the same chunks, in turns: a busy machine slows them alike.

The order rotates chunk by chunk. Costs are of SimulEval's `pushpop`: taking the audio in, deciding, and
the text; cpu_ms is processor time of all threads of this process, which other programs disturb less.
"""

import time
from collections.abc import Iterator, Mapping

import numpy as np
from simuleval.agents import SpeechToTextAgent
from simuleval.data.segments import SpeechSegment

from models.sound.audio import SAMPLE_RATE


def segments(clip: np.ndarray, chunk_ms: int) -> Iterator[SpeechSegment]:
    """What SimulEval sends of a clip (S,): Python lists."""
    chunk = round(SAMPLE_RATE * chunk_ms / 1000)
    for start in range(0, len(clip), chunk):
        samples = clip[start : start + chunk].tolist()
        yield SpeechSegment(content=samples, sample_rate=SAMPLE_RATE, finished=start + chunk >= len(clip))


def take_turns(agents: Mapping[str, SpeechToTextAgent], clip: np.ndarray, chunk_ms: int) -> Iterator[dict]:
    """One row for each chunk and agent: agent, chunk, heard_s, ms, cpu_ms, and the text that is new."""
    names = [*agents]
    for agent in agents.values():
        agent.reset()
    heard_s = 0.0
    for number, segment in enumerate(segments(clip, chunk_ms)):
        heard_s += len(segment.content) / SAMPLE_RATE
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            wall_s, cpu_s = time.perf_counter(), time.process_time()
            written = agents[name].pushpop(segment)
            ms, cpu_ms = 1000 * (time.perf_counter() - wall_s), 1000 * (time.process_time() - cpu_s)
            text = "" if written.is_empty else written.content
            yield {
                "agent": name,
                "chunk": number,
                "heard_s": heard_s,
                "ms": ms,
                "cpu_ms": cpu_ms,
                "text": text,
            }


def warm_up(agents: Mapping[str, SpeechToTextAgent], clip: np.ndarray, chunk_ms: int) -> None:
    """First calls allocate memory and choose kernels."""
    for _ in take_turns(agents, clip[: 2 * SAMPLE_RATE * chunk_ms // 1000], chunk_ms):
        pass
