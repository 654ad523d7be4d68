"""How many streams a device holds: each brings a second of audio, and all must be decided upon in a second.

Streams have heard from one second to most of Whisper's window, evenly, as those of a server that has run for
a while. Audio is noise and weights are random, so texts make no sense; how long they are is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from agents.engine import StreamingEngine
from agents.holdn_agent import HoldNPolicy
from agents.stream.state import StreamState
from benchmarks.floating_point_work import WorkCounter
from benchmarks.gpu_streams.clock import timed_parts, wait, wall_s
from models.decoding.options import SearchOptions
from models.languages import LanguagePair
from models.layers.cuda_graph import CudaGraph
from models.sound.audio import SAMPLE_RATE
from models.static_steps import StaticSteps
from models.whisper.translator import WhisperTranslator

CHUNK_S = 1.0
# Fast speech: four tokens a second are written, and four held back until the next chunk.
TOKENS, HELD = 8, 4
MODES = ("plain", "static", "graphs")
PARTS = {"encode_streams": "encode", "start": "prefill", "read": "prefill", "step": "steps"}


@dataclass(frozen=True)
class Held:
    """One number of streams in one mode: seconds that each of some chunks took, all streams together."""

    mode: str
    streams: int
    intake_s: float  # of a chunk: features, which the host computes
    chunks_s: tuple[float, ...]
    parts_s: dict[str, float]  # of one more chunk, measured part by part, which makes it slower
    chunk_flops: float  # of one stream
    memory_gb: float  # the most that was used

    @property
    def second_s(self) -> float:
        """What a second of all streams takes: the slowest chunk and its intake."""
        return max(self.chunks_s) + self.intake_s

    @property
    def holds(self) -> bool:
        return self.second_s <= CHUNK_S


def search_options() -> SearchOptions:
    """Random weights never end a sentence, and say the same words again: neither is speech."""
    return SearchOptions(
        maximum_tokens_per_chunk=TOKENS,
        maximum_tokens_per_second=6.0,  # which ends the last chunk, too
        maximum_words_per_second=1000.0,
        blocked_ngram=0,
        repeated_phrase=0,
    )


def set_mode(translator: WhisperTranslator, mode: str) -> None:
    """One of MODES: how the decoder takes its steps."""
    recording = CudaGraph if mode == "graphs" else None
    translator.static_steps = None
    if mode != "plain":
        translator.static_steps = StaticSteps(translator.model.decoder, translator.predict, recording)


def open_streams(
    translator: WhisperTranslator, count: int, chunks: int
) -> tuple[StreamingEngine, list[StreamState]]:
    """Streams in mid speech, which have room for so many chunks more."""
    engine = StreamingEngine(translator, search_options())
    streams = [engine.open_stream(HoldNPolicy(HELD), LanguagePair("en", "en")) for _ in range(count)]
    longest_s = translator.maximum_audio_ms / 1000 - 1 - chunks * CHUNK_S
    for stream, heard_s in zip(streams, np.linspace(1, longest_s, count), strict=True):
        _hear(stream, float(heard_s))
    return engine, streams


def measure(translator: WhisperTranslator, mode: str, count: int, flops: float, chunks: int = 3) -> Held:
    """`chunks` chunks of `count` streams, after two that are not counted. flops: of `chunk_work`."""
    device = translator.device
    set_mode(translator, mode)
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    engine, streams = open_streams(translator, count, chunks + 3)
    # Graphs are recorded when a shape comes for the second time.
    for _ in range(2):
        _step(engine, streams)
        _hear_all(streams)
    intake, taken = [], []
    for _ in range(chunks):
        taken.append(wall_s(device, lambda: _step(engine, streams)))
        intake.append(wall_s(device, lambda: _hear_all(streams)))
    with timed_parts(translator, PARTS, device) as parts:
        _step(engine, streams)
    memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return Held(mode, count, max(intake), tuple(taken), dict(parts), flops, memory / 1e9)


def chunk_work(translator: WhisperTranslator, count: int = 8) -> float:
    """Floating-point operations of one chunk of one stream, on average; `count` are looked at."""
    steps, translator.static_steps = translator.static_steps, None  # what is replayed cannot be counted
    engine, streams = open_streams(translator, count, 2)
    _step(engine, streams)
    _hear_all(streams)
    with WorkCounter() as counter:
        _step(engine, streams)
    wait(translator.device)
    translator.static_steps = steps
    return counter.flops / count


def _hear(stream: StreamState, seconds: float) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, round(SAMPLE_RATE * seconds)).astype(np.float32)
    stream.audio.append(samples, SAMPLE_RATE)


def _hear_all(streams: Sequence[StreamState]) -> None:
    for stream in streams:
        _hear(stream, CHUNK_S)


def _step(engine: StreamingEngine, streams: Sequence[StreamState]) -> None:
    for decision in engine.step(streams):
        if decision.error is not None:
            raise decision.error
