"""SimulEval's simulation for many (utterance, setting) pairs at once.

What every setting does with an utterance is what its agent would do in SimulEval, prediction for prediction
and delay for delay, but the audio is encoded once for all of them, and rows of one network are decoded
together in `agents.engine`. Of computation nothing is known: no single stream has a clock of its own here.

A *lane* is one setting. Settings that decide at the same times hear one *feed* of an utterance; feeds that
have come equally far share what is encoded.

A decoding step costs nearly as much for few rows as for many, so as many feeds as can take part in a round:
in each one all whose next chunk ends no later than that of the shortest chunks. Last chunks wait until no
feed has another one: what is written behind them is long, and the others would stand idle meanwhile.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import soundfile

from agents.engine import StreamingEngine, StreamState
from agents.policy import Policy
from agents.stream.chunk_record import ChunkRecord
from agents.stream.heard_audio import HeardAudio
from agents.stream.steps import step_together
from models.languages import LanguagePair
from models.sound.speech_activity import SharedListening


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

    def __init__(
        self,
        source: Source,
        chunk_ms: int,
        audio: HeardAudio,
        whole: bool = False,
        hears_in_steps: bool = False,
    ) -> None:
        """audio: a fresh one, for streams that decide after each chunk of chunk_ms; whole: of its streams.

        hears_in_steps: what is understood of it depends on its chunks, so that no other feed may share it.
        """
        self.whole = whole
        self.hears_in_steps = hears_in_steps
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
    def ends_next(self) -> bool:
        """Whether the next chunk is the last one."""
        return self._next_end == len(self.source.samples)

    @property
    def heard_ms(self) -> float:
        return self.samples_heard * 1000 / self.source.sample_rate

    @property
    def _next_end(self) -> int:
        chunk_samples = math.ceil(self.chunk_ms / 1000 * self.source.sample_rate)
        return min(self.samples_heard + chunk_samples, len(self.source.samples))

    def deliver(self) -> None:
        """The next chunk arrives at the audio that all streams hear."""
        end = self._next_end
        chunk = self.source.samples[self.samples_heard : end]
        self.chunks += 1
        self.samples_heard = end
        self.audio.append(chunk, self.source.sample_rate, self.finished)


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
    for hearing in _rounds(feeds):
        heard_s = _deliver(hearing, feeds_of)
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
        if heard is not None:
            heard(heard_s)
    return transcripts


def _rounds(feeds: Sequence[Feed]) -> Iterator[list[Feed]]:
    """The feeds whose next chunk is to be delivered and decided upon together, until all are finished."""
    while going := [feed for feed in feeds if not feed.ends_next]:
        shortest_ms = min(feed.chunk_ms for feed in going)
        now_ms = min(feed.next_ms for feed in going if feed.chunk_ms == shortest_ms)
        yield [feed for feed in going if feed.next_ms <= now_ms]
    yield list(feeds)


def _deliver(feeds: Sequence[Feed], feeds_of: Mapping[int, int]) -> float:
    """All feeds take their next chunk; those that have come equally far share what is encoded.

    feeds_of: feeds of each source, by its id. Returns the seconds of audio that are done: of a source that
    has several feeds, each counts as its share.
    """
    equal: dict[tuple, HeardAudio] = {}
    heard_s = 0.0
    for feed in feeds:
        before_ms = feed.heard_ms
        feed.deliver()
        heard_s += (feed.heard_ms - before_ms) / 1000 / feeds_of[id(feed.source)]
        audio = feed.audio
        if feed.hears_in_steps:
            continue
        so_far = id(feed.source), feed.whole, feed.samples_heard, audio.start_ms, audio.window_ms
        audio.share(equal.setdefault(so_far, audio))
    return heard_s


def _feeds(source: Source, lanes: Sequence[Lane]) -> list[Feed]:
    feeds: dict[tuple, Feed] = {}
    listening = SharedListening()
    for number, lane in enumerate(lanes):
        whole = lane.policy.hears_whole
        in_steps = lane.engine.translator.hears_in_steps
        key = lane.chunk_ms, whole, lane.engine.speech, lane.engine.history.options
        if in_steps:
            key = (*key, lane.languages)
        if lane.engine.history.may_cut(source.duration_ms):
            key = (*key, number)  # where, its own text decides
        if key not in feeds:
            audio = lane.engine.open_audio(whole, listening, lane.languages)
            feeds[key] = Feed(source, lane.chunk_ms, audio, whole, in_steps)
        stream = lane.engine.open_stream(lane.policy, lane.languages, feeds[key].audio)
        feeds[key].streams.append((number, stream))
    return list(feeds.values())
