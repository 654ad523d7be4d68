"""One engine for streams that step from many threads: those that ask at the same time step together.

While the engine works, further streams queue up; all that wait are in its next step. So nobody waits for a
batch to fill, and a batch is as large as there are streams to step. Each stream waits for one step at a time,
and never longer than the step in progress and its own take.

Where a step takes no more than so many streams, those go first that have waited longest. A stream that is
behind asks again after each of its steps, so that it queues up behind all others: nobody starves beside it.

On a processor two threads may step at once, over one model: each takes its share of the streams that wait,
and has its share of the cores. Small models have too little to do for several cores in one multiplication,
whose waiting for one another costs more than it brings (benchmarks/serving).
"""

import atexit
import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

import torch

from agents.engine import StreamingEngine
from agents.stream.decision import Decision
from agents.stream.state import StreamState

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Step:
    """One stream that waits for a step."""

    stream: StreamState
    before: Callable[[], None] | None = None  # what the engine's thread does first
    with_scores: bool = False
    with_times: bool = False
    with_attention: bool = False
    decision: Future[Decision] = field(default_factory=Future)


class SharedEngine:
    """A StreamingEngine that any thread may ask for a step. Its work is done by threads of its own."""

    def __init__(self, engine: StreamingEngine, streams_at_once: int | None = None, workers: int = 1) -> None:
        """streams_at_once: a step takes no more streams; None is no bound.

        workers: threads that step; more than one only where the translator `steps_in_threads`.
        """
        self.engine = engine
        self.streams_at_once = streams_at_once
        # Told of each step, by the thread that took it: how many streams it had, and the s that it took.
        self.on_step: Callable[[int, float], None] | None = None
        self._waiting: list[_Step] = []
        self._busy: set[int] = set()  # ids of the streams that wait, or step now
        self._closed = False
        self._changed = threading.Condition()
        # What each thread steps now; one has something only while all before it do. So a stream that is alone
        # stays with one thread, whose caches know it.
        self._stepping: list[list[_Step]] = [[] for _ in range(workers)]
        self._threads = [
            threading.Thread(target=self._work, args=(place,), name="shared-engine", daemon=True)
            for place in range(workers)
        ]
        for thread in self._threads:
            thread.start()
        # A thread that still computes while Python ends takes the process down with it.
        atexit.register(self.close)

    def step(self, stream: StreamState) -> Decision:
        """What the stream does with the audio that it has heard so far; waits until that is known.

        A failure, also of the model, is the `error` of the decision. Raises RuntimeError after `close`.
        """
        return self.submit(stream).result()

    def submit(
        self,
        stream: StreamState,
        before: Callable[[], None] | None = None,
        with_scores: bool = False,
        with_times: bool = False,
        with_attention: bool = False,
    ) -> "Future[Decision]":
        """The same without waiting. Until the decision is there nobody may touch the stream.

        before: called by the engine's thread ahead of the step, for what takes too long elsewhere, such as
        hearing audio; what it raises is the error of the decision. with_scores, with_times, with_attention:
        see `StreamingEngine.step`; other streams of the step may get them, too.

        Raises ValueError where the stream waits for a step already, RuntimeError after `close`.
        """
        step = _Step(stream, before, with_scores, with_times, with_attention)
        with self._changed:
            if self._closed:
                raise RuntimeError("the engine has been closed")
            if id(stream) in self._busy:
                raise ValueError("a stream takes one step at a time, and this one waits for a step already")
            self._busy.add(id(stream))
            self._waiting.append(step)
            self._changed.notify_all()
        return step.decision

    @property
    def works(self) -> bool:
        """Whether it takes further steps."""
        return not self._closed

    def close(self) -> None:
        """Finish the steps in progress, refuse all that wait and all that come, and end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            if threading.current_thread() is not thread:
                thread.join()
        atexit.unregister(self.close)

    @property
    def workers(self) -> int:
        """Threads that step."""
        return len(self._threads)

    def _work(self, place: int) -> None:
        if self.workers > 1:
            torch.set_num_threads(max(1, torch.get_num_threads() // self.workers))  # of this thread
        # In a call of its own, so that no variable holds a stream while there is nothing to do.
        try:
            while self._step_some(place):
                pass
        finally:
            # Also after a panic that is no Exception: nobody waits for a dead thread.
            self._refuse_all(self._stepping[place])

    def _refuse_all(self, stepping: list[_Step]) -> None:
        with self._changed:
            self._closed = True
            steps, self._waiting = [*stepping, *self._waiting], []
            self._changed.notify_all()
        for step in steps:
            if not step.decision.done():
                step.decision.set_exception(RuntimeError("the engine has been closed"))

    def _step_some(self, place: int) -> bool:
        """One step of a thread's share of the streams that wait. Returns False where nothing more is to come.

        It begins once all threads before it are at work.
        """
        stepping = self._stepping[place]
        with self._changed:
            self._changed.wait_for(lambda: self._closed or (self._waiting and all(self._stepping[:place])))
            if self._closed:
                return False
            share = math.ceil(len(self._waiting) / self.workers)
            size = min(share, self.streams_at_once or share)
            stepping[:], self._waiting = self._waiting[:size], self._waiting[size:]
            if self._waiting:
                self._changed.notify_all()  # the next thread may take some
        started_s = time.perf_counter()
        wanted = [step for step in stepping if step.decision.set_running_or_notify_cancel()]
        decisions = self._prepare_and_decide(wanted)
        with self._changed:
            self._busy -= {id(step.stream) for step in stepping}
            stepping.clear()  # whoever is answered may ask again, and finds this thread free
        for step, decision in zip(wanted, decisions, strict=True):
            step.decision.set_result(decision)
        if self.on_step is not None:
            self.on_step(len(wanted), time.perf_counter() - started_s)
        return True

    def _prepare_and_decide(self, steps: list[_Step]) -> list[Decision]:
        """A decision for each step; those that cannot be prepared have their error in it."""
        failed = {place: error for place, step in enumerate(steps) if (error := _prepare(step)) is not None}
        ready = [step for place, step in enumerate(steps) if place not in failed]
        further = ("with_scores", "with_times", "with_attention")
        asked = {name: True for name in further if any(getattr(step, name) for step in ready)}
        decided = iter(self._decide([step.stream for step in ready], asked) if ready else ())
        return [
            Decision(step.stream.audio.heard_ms, error=failed[place]) if place in failed else next(decided)
            for place, step in enumerate(steps)
        ]

    def _decide(self, streams: list[StreamState], asked: dict[str, bool]) -> list[Decision]:
        before = [_progress(stream) for stream in streams]
        try:
            return self.engine.step(streams, **asked)
        except Exception as error:  # of the model: there is no telling whose audio or text it was
            if len(streams) == 1:
                return [Decision(streams[0].audio.heard_ms, error=error)]
            reason = str(error)
        # Outside of the handler, which would keep what the failed step had computed in memory.
        logger.warning("a step of %d streams failed (%s): each takes it alone", len(streams), reason)
        return [
            self._decide([stream], asked)[0] if _progress(stream) == progress else _half_done(stream, reason)
            for stream, progress in zip(streams, before, strict=True)
        ]


def _prepare(step: _Step) -> Exception | None:
    """What goes wrong with it."""
    try:
        if step.before is not None:
            step.before()
    except Exception as error:
        return error
    return None


def _progress(stream: StreamState) -> tuple[float, int, int]:
    """Changes whenever the stream writes or forgets."""
    return stream.audio.start_ms, len(stream.text.committed), len(stream.text.context)


def _half_done(stream: StreamState, reason: str) -> Decision:
    """A step may have several parts: what the first ones wrote is lost, so the stream cannot go on."""
    return Decision(stream.audio.heard_ms, error=RuntimeError(f"a step failed half-way: {reason}"))
