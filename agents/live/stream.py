"""One source that is translated while it is heard, from its first piece to its end."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from agents.live.word import Word
from agents.live.written_words import written_words
from agents.stream.decision import Decision
from agents.stream.state import StreamState
from foundation.errors import InputError
from models.sound.audio import check_rate


class TranslationStream:
    """Speech goes in piece by piece, words come out. `LiveTranslator.open` makes one.

    A decision is made whenever `chunk_ms` of audio is complete, however it is cut into pieces, so that words
    and times do not depend on that. Streams of one translator may be fed in turn, or from threads of their
    own.
    """

    def __init__(
        self,
        state: StreamState,
        step: Callable[[StreamState], Decision],
        decode: Callable[[Sequence[int]], str],
        chunk_ms: int,
        with_times: bool,
    ) -> None:
        """step, decode: the engine's step for this stream, and the text of its tokens."""
        self.words: list[Word] = []
        """All that was written."""
        self.chunk_ms = chunk_ms
        """So much audio comes between two decisions."""
        self.compute_s = 0.0
        """Seconds that hearing and translating have taken by now."""
        self._state = state
        self._step = step
        self._decode = decode
        self._with_times = with_times
        self._in_chunk = 0  # samples since the last decision
        self._over: str | None = None  # why nothing more is taken
        self._one_piece = threading.Lock()

    @property
    def heard_s(self) -> float:
        """Seconds of audio that have been heard."""
        return self._state.audio.heard_ms / 1000

    def feed(self, samples: Any, rate: float, at_once: bool = False) -> list[Word]:
        """Hear one more piece, and return the words that are written now; mostly none before a chunk is
        complete.

        samples: list or array of any length, (S,) or (S, C) of C channels; floats between -1 and 1, or
        integers of 16 or 32 bits. rate: in Hz, the same for all pieces. at_once: one decision about the whole
        piece, for whoever is behind and wants to catch up.

        Raises InputError for audio that cannot be used, after which the stream takes nothing more.
        """
        self._check_open()
        return self._guarded(samples, rate, at_once, finished=False)

    def finish(self) -> list[Word]:
        """The source has ended: return the rest of the words. Raises InputError where it had ended before."""
        self._check_open()
        return self._guarded([], None, True, finished=True)

    def finish_with(self, samples: Any, rate: float) -> list[Word]:
        """`feed` and `finish` in one: the piece is known to be the last, so that its end is decided upon
        once.

        So SimulEval plays a file.
        """
        self._check_open()
        return self._guarded(samples, rate, False, finished=True)

    def chunk_samples(self, rate: float) -> int:
        """Samples between two decisions. Raises InputError for what is no rate of audio, in Hz."""
        check_rate(rate)
        return math.ceil(self.chunk_ms * rate / 1000)

    def _guarded(self, samples: Any, rate: float | None, at_once: bool, finished: bool) -> list[Word]:
        """New words; an error ends the stream, and a finished one is over.

        Raises InputError where another thread is in here: nobody could tell the order of their pieces.
        """
        if not self._one_piece.acquire(blocking=False):
            raise InputError("two threads feed this stream at once: feed it from one, or open one for each")
        try:
            return self._new_words(samples, rate, at_once, finished)
        finally:
            self._one_piece.release()

    def _new_words(self, samples: Any, rate: float | None, at_once: bool, finished: bool) -> list[Word]:
        before, began_s = len(self.words), time.perf_counter()
        try:
            self._hear(samples, rate, at_once, finished)
        except Exception as error:
            self._over = f"this stream has stopped: {error}"
            raise
        self.compute_s += time.perf_counter() - began_s
        if finished:
            self._over = "the stream has ended: open another one for more audio"
        return self.words[before:]

    def _hear(self, samples: Any, rate: float | None, at_once: bool, finished: bool) -> None:
        rest = _sliceable(samples)
        while not at_once and len(rest):
            room = self.chunk_samples(rate) - self._in_chunk
            if finished and len(rest) <= room:
                break
            piece, rest = rest[:room], rest[room:]
            self._append(piece, rate)
            if len(piece) == room:
                self._decide()
        if at_once or finished:
            self._append(rest, rate, finished)
            self._decide()

    def _append(self, piece: Any, rate: float | None, finished: bool = False) -> None:
        self._in_chunk += len(piece)
        audio = self._state.audio
        audio.append(piece, rate, finished)
        if audio.error is not None:
            raise audio.error

    def _decide(self) -> None:
        self._in_chunk = 0
        decision = self._step(self._state)
        if decision.error is not None:
            raise decision.error
        self.words += written_words(decision, self._decode, self._with_times, is_first=not self.words)

    def _check_open(self) -> None:
        if self._over is not None:
            raise InputError(self._over)


def _sliceable(samples: Any) -> Any:
    """As an array, where it is one. Raises InputError for what has no samples in order."""
    try:
        array = np.asarray(samples)
    except (TypeError, ValueError) as error:
        raise InputError(f"audio must be (S,) or (S, C), got what is no array ({error})") from None
    if array.ndim not in (1, 2):
        raise InputError(f"audio must be (S,) or (S, C), got {array.shape}")
    return array
