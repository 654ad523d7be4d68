"""One engine for streams that step from many threads: those that ask at the same time step together.

While the engine works, further streams queue up; all that wait are in its next step. So nobody waits for a
batch to fill, and a batch is as large as there are streams to step. Each stream waits for one step at a time,
and never longer than the step in progress and its own take.
"""

import atexit
import logging
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field

from agents.engine import StreamingEngine
from agents.stream.decision import Decision
from agents.stream.state import StreamState

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Step:
    """One stream that waits for a step."""

    stream: StreamState
    decision: Future[Decision] = field(default_factory=Future)


class SharedEngine:
    """A StreamingEngine that any thread may ask for a step. Its work is done by a thread of its own."""

    def __init__(self, engine: StreamingEngine) -> None:
        self.engine = engine
        self._waiting: list[_Step] = []
        self._stepping: list[_Step] = []
        self._busy: set[int] = set()  # ids of the streams that wait, or step now
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="shared-engine", daemon=True)
        self._thread.start()
        # A thread that still computes while Python ends takes the process down with it.
        atexit.register(self.close)

    def step(self, stream: StreamState) -> Decision:
        """What the stream does with the audio that it has heard so far; waits until that is known.

        A failure, also of the model, is the `error` of the decision. Raises RuntimeError after `close`.
        """
        return self.submit(stream).result()

    def submit(self, stream: StreamState) -> "Future[Decision]":
        """The same without waiting. Until the decision is there nobody may touch the stream.

        Raises ValueError where the stream waits for a step already, RuntimeError after `close`.
        """
        step = _Step(stream)
        with self._changed:
            if self._closed:
                raise RuntimeError("the engine has been closed")
            if id(stream) in self._busy:
                raise ValueError("a stream takes one step at a time, and this one waits for a step already")
            self._busy.add(id(stream))
            self._waiting.append(step)
            self._changed.notify()
        return step.decision

    def close(self) -> None:
        """Finish the step in progress, refuse all that wait and all that come, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        atexit.unregister(self.close)

    def _work(self) -> None:
        # In a call of its own, so that no variable holds a stream while there is nothing to do.
        try:
            while self._step_all_that_wait():
                pass
        finally:
            self._refuse_all()  # also after a panic that is no Exception: nobody waits for a dead thread

    def _refuse_all(self) -> None:
        with self._changed:
            self._closed = True
            steps, self._waiting = [*self._stepping, *self._waiting], []
        for step in steps:
            if not step.decision.done():
                step.decision.set_exception(RuntimeError("the engine has been closed"))

    def _step_all_that_wait(self) -> bool:
        """Returns False where there is nothing more to come."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return False
            steps, self._waiting = self._waiting, []
            self._stepping = steps
        wanted = [step for step in steps if step.decision.set_running_or_notify_cancel()]
        decisions = self._decide([step.stream for step in wanted])
        with self._changed:
            self._busy -= {id(step.stream) for step in steps}
        for step, decision in zip(wanted, decisions, strict=True):
            step.decision.set_result(decision)
        self._stepping = []
        return True

    def _decide(self, streams: list[StreamState]) -> list[Decision]:
        before = [_progress(stream) for stream in streams]
        try:
            return self.engine.step(streams)
        except Exception as error:  # of the model: there is no telling whose audio or text it was
            if len(streams) == 1:
                return [Decision(streams[0].audio.heard_ms, error=error)]
            reason = str(error)
        # Outside of the handler, which would keep what the failed step had computed in memory.
        logger.warning("a step of %d streams failed (%s): each takes it alone", len(streams), reason)
        return [
            self._decide([stream])[0] if _progress(stream) == progress else _half_done(stream, reason)
            for stream, progress in zip(streams, before, strict=True)
        ]


def _progress(stream: StreamState) -> tuple[float, int, int]:
    """Changes whenever the stream writes or forgets."""
    return stream.audio.start_ms, len(stream.text.committed), len(stream.text.context)


def _half_done(stream: StreamState, reason: str) -> Decision:
    """A step may have several parts: what the first ones wrote is lost, so the stream cannot go on."""
    return Decision(stream.audio.heard_ms, error=RuntimeError(f"a step failed half-way: {reason}"))
