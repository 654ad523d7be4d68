"""SimulEval's simulation for many (utterance, setting) pairs at once.

All pairs advance in lock-step through `agents.engine`: what every setting does with an utterance is
what its agent would do in SimulEval, prediction for prediction and delay for delay, but the audio is
encoded once for all of them, and rows of one network are decoded together. Of computation nothing is
known: no single stream has a clock of its own here.

A *lane* is one setting. Settings that decide at the same times hear one *feed* of an utterance; feeds that
have come equally far share what is encoded.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import soundfile

from agents.engine import StreamingEngine, StreamState
from agents.policy import Policy
from agents.stream.chunk_record import ChunkRecord
from agents.stream.heard_audio import HeardAudio
from agents.stream.steps import step_together
from models.languages import LanguagePair


@dataclass(frozen=True)
class Lane:
    """One setting. Translators of all lanes' engines encode alike: they are one, or policies for one."""

    engine: StreamingEngine
    policy: Policy
    languages: LanguagePair
    chunk_ms: int
    unit: str  # word or char: what gets a delay


@dataclass
class Transcript:
    """What one lane wrote about one utterance. Times are in ms of source audio."""

    units: list[str] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    chunks: list[ChunkRecord] = field(default_factory=list)
    source_ms: float = 0.0  # duration of the samples heard; a header may say another one

    def prediction(self, unit: str) -> str:
        return (" " if unit == "word" else "").join(self.units)

    def write(self, text: str, unit: str, heard_ms: float) -> None:
        """SimulEval's way to give every unit of a text one delay."""
        units = text.split() if unit == "word" else list(text.replace(" ", ""))
        self.units += units
        self.delays += [heard_ms] * len(units)


class Source:
    """An audio file as SimulEval reads it."""

    def __init__(self, path: str | Path) -> None:
        self.samples, self.sample_rate = soundfile.read(path, dtype="float32")  # (S,) or (S, C)

    @property
    def duration_ms(self) -> float:
        return len(self.samples) * 1000 / self.sample_rate


class Feed:
    """One utterance in chunks of one duration, cut as SimulEval cuts it."""

    def __init__(self, source: Source, chunk_ms: int, audio: HeardAudio, whole: bool = False) -> None:
        """audio: a fresh one, for streams that decide after each chunk of chunk_ms; whole: of its streams."""
        self.whole = whole
        self.source = source
        self.chunk_ms = chunk_ms
        self.audio = audio
        self.chunks = 0
        self.samples_heard = 0
        self.streams: list[tuple[int, StreamState]] = []  # with the number of their lane

    @property
    def next_ms(self) -> int:
        """When the next chunk would end, were it a whole one."""
        return (self.chunks + 1) * self.chunk_ms

    @property
    def finished(self) -> bool:
        return self.samples_heard == len(self.source.samples)

    @property
    def heard_ms(self) -> float:
        return self.samples_heard * 1000 / self.source.sample_rate

    def deliver(self) -> None:
        """The next chunk arrives at the audio that all streams hear."""
        samples, rate = self.source.samples, self.source.sample_rate
        end = min(self.samples_heard + math.ceil(self.chunk_ms / 1000 * rate), len(samples))
        chunk = samples[self.samples_heard : end]
        self.chunks += 1
        self.samples_heard = end
        self.audio.append(chunk, rate, self.finished)


def simulate(
    lanes: Sequence[Lane],
    sources: Sequence[Source],
    streams_at_once: int | None = None,
    heard: Callable[[float], None] | None = None,
) -> list[list[Transcript]]:
    """What each lane writes about each utterance: transcripts[utterance][lane].

    streams_at_once bounds how many streams are decoded together. heard(s) is told of s more seconds of audio.
    """
    transcripts = [[Transcript() for _ in lanes] for _ in sources]
    feeds = [feed for source in sources for feed in _feeds(source, lanes)]
    feeds_of = Counter(id(feed.source) for feed in feeds)
    of_source = {id(source): place for place, source in enumerate(sources)}
    while feeds:
        now_ms = min(feed.next_ms for feed in feeds)
        hearing = [feed for feed in feeds if feed.next_ms == now_ms]
        equal: dict[tuple, HeardAudio] = {}
        heard_s = 0.0
        for feed in hearing:
            before_ms = feed.heard_ms
            feed.deliver()
            heard_s += (feed.heard_ms - before_ms) / 1000 / feeds_of[id(feed.source)]
            audio = feed.audio
            so_far = id(feed.source), feed.whole, feed.samples_heard, audio.start_ms, audio.window_ms
            feed.audio.share(equal.setdefault(so_far, feed.audio))
        work: dict[StreamingEngine, list[tuple[Feed, int, StreamState]]] = {}
        for feed in hearing:
            for number, stream in feed.streams:
                work.setdefault(lanes[number].engine, []).append((feed, number, stream))
        decisions = step_together(
            [(engine, [stream for *_, stream in some]) for engine, some in work.items()],
            streams_at_once,
            with_scores=True,
        )
        for some, decided in zip(work.values(), decisions, strict=True):
            for (feed, number, _), decision in zip(some, decided, strict=True):
                if decision.error is not None:
                    raise decision.error
                transcript = transcripts[of_source[id(feed.source)]][number]
                transcript.source_ms = feed.heard_ms
                transcript.chunks.append(ChunkRecord(decision.heard_ms, None, decision.text, decision.scores))
                if feed.finished or decision.text.strip():
                    transcript.write(decision.text, lanes[number].unit, feed.heard_ms)
        feeds = [feed for feed in feeds if not feed.finished]
        if heard is not None:
            heard(heard_s)
    return transcripts


def _feeds(source: Source, lanes: Sequence[Lane]) -> list[Feed]:
    feeds: dict[tuple, Feed] = {}
    for number, lane in enumerate(lanes):
        whole = lane.policy.hears_whole
        key = lane.chunk_ms, whole, lane.engine.speech, lane.engine.history.options
        if lane.engine.history.may_cut(source.duration_ms):
            key = (*key, number)  # where, its own text decides
        if key not in feeds:
            feeds[key] = Feed(source, lane.chunk_ms, lane.engine.open_audio(whole), whole)
        stream = lane.engine.open_stream(lane.policy, lane.languages, feeds[key].audio)
        feeds[key].streams.append((number, stream))
    return list(feeds.values())
