"""One step of many streams, of one engine or several: what can be computed once is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agents.history import History, MakingRoom
from agents.policy import Policy
from agents.stream.decision import Decision
from agents.stream.listening import listen
from agents.stream.state import StreamState
from foundation.free_memory import give_back_free_memory
from models.translator import Memory, Translator


@dataclass(frozen=True)
class DueStream:
    """A stream whose policy lets it write now."""

    place: int  # among the streams of the step
    stream: StreamState
    unit_limit: int  # words, or characters, that it may write

    @property
    def policy(self) -> Policy:
        """Its own, unless that leaves no room for further audio."""
        return MakingRoom() if self.stream.makes_room else self.stream.policy


class Engine(Protocol):
    """What a step needs of `agents.engine.StreamingEngine`."""

    translator: Translator
    history: History

    def due(self, streams: Sequence[StreamState]) -> tuple[list[DueStream], list[Decision]]: ...

    def decode(
        self,
        due: Sequence[DueStream],
        memory: Memory,
        listens_to: Sequence[int],
        with_scores: bool,
        with_times: bool,
        with_attention: bool,
    ) -> list[Decision]: ...


Work = Sequence[tuple[Engine, Sequence[StreamState]]]


def step_together(
    work: Work,
    streams_at_once: int | None = None,
    with_scores: bool = False,
    with_times: bool = False,
    with_attention: bool = False,
) -> list[list[Decision]]:
    """`StreamingEngine.step` for several engines whose translators encode alike: that is done once.

    streams_at_once bounds the memory of decoding, whatever the number of streams; None is no bound.
    Audio that holds the end of an utterance, or more than a window, is decided upon part by part.
    """
    asked = (with_scores, with_times, with_attention)
    decisions = _decide(work, streams_at_once, *asked)
    going_on = [range(len(streams)) for _, streams in work]
    while True:
        _begin_utterances(work)
        going_on = [
            [place for place in places if streams[place].goes_on]
            for (_, streams), places in zip(work, going_on, strict=True)
        ]
        if not any(going_on):
            give_back_free_memory()
            return decisions
        left = [
            (engine, [streams[place] for place in places])
            for (engine, streams), places in zip(work, going_on, strict=True)
        ]
        more = _decide(left, streams_at_once, *asked)
        for decided, places, some in zip(decisions, going_on, more, strict=True):
            for place, decision in zip(places, some, strict=True):
                decided[place] = decided[place].then(decision)


def _begin_utterances(work: Work) -> None:
    """Where an utterance has ended, and all that was left of it is written, the next one begins.

    One may also end while its stream forgets, which lets more audio in: that is decided upon first.
    """
    ended = {}
    for engine, streams in work:
        for stream in streams:
            if stream.closing:
                stream.closing = False
                ended[id(stream.audio)] = stream.audio
                engine.history.begin_utterance(stream)
    for audio in ended.values():
        audio.next_utterance()


def _decide(
    work: Work, streams_at_once: int | None, with_scores: bool, with_times: bool, with_attention: bool
) -> list[list[Decision]]:
    """One decision of each stream upon what its window holds."""
    listen(work[0][0].translator, [stream.audio for _, streams in work for stream in streams])
    due, decisions = zip(*(engine.due(streams) for engine, streams in work), strict=True)
    heard_now = [one.stream.audio.sound for some in due for one in some]
    sounds = list({id(sound): sound for sound in heard_now}.values())
    if not sounds:
        return list(decisions)
    place = {id(sound): at for at, sound in enumerate(sounds)}
    # Noted before any stream forgets some of its audio.
    places = [[place[id(one.stream.audio.sound)] for one in some] for some in due]
    memory = work[0][0].translator.encode_streams(sounds)
    for (engine, _), decided, waiting, heard_at in zip(work, decisions, due, places, strict=True):
        size = streams_at_once or max(1, len(waiting))
        for start in range(0, len(waiting), size):
            some = waiting[start : start + size]
            listens_to = heard_at[start : start + size]
            used = sorted(set(listens_to))
            part = memory if len(used) == len(sounds) else memory.select(used)
            heard = [used.index(row) for row in listens_to]
            found = engine.decode(some, part, heard, with_scores, with_times, with_attention)
            for one, decision in zip(some, found, strict=True):
                decided[one.place] = decision
    return list(decisions)
