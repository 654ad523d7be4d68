"""What a client has sent and the engine has not heard yet: audio and messages, in their order.

Audio comes in pieces of any size and leaves in chunks of just `chunk_ms`, however much waits: so a stream
decides at the same times, and writes the same text, whether the server has time or is behind. Captions of
what is said now had better be late by little than be the same: whoever asks to catch up gets up to 5 s
as one, once more than 2 s and two chunks wait.
"""

import asyncio
from collections import deque
from dataclasses import dataclass

import numpy as np

from agents.live.play import CHUNKS_BEHIND
from foundation.errors import InputError
from serve.web.client_message import ClientMessage

BYTES = 2  # of a sample
# Pieces shorter than this become one with those behind them: a client may send sample by sample.
SHORTEST_S = 0.02
# Of a client that catches up: so much may wait, beside CHUNKS_BEHIND; no more is heard at once.
MAY_WAIT_S, LONGEST_S = 2.0, 5.0
# Messages of a client; each may be as long as the server takes.
MOST_MESSAGES = 16


@dataclass(frozen=True)
class Chunk:
    """Audio for one decision; less than `chunk_ms` before its rate changes, or the stream ends."""

    samples: np.ndarray  # (n,) int16
    sample_rate: int
    arrived_s: float  # when its last sample had come, by the event loop's clock


@dataclass(frozen=True)
class _Piece:
    data: bytes
    sample_rate: int
    arrived_s: float


class Inbox:
    """Of one client; for one event loop, one task that puts in, and one that takes out."""

    def __init__(self, chunk_ms: int, default_rate: int) -> None:
        self._chunk_ms = chunk_ms
        self._default_rate = default_rate
        self._rate = default_rate  # of what comes next
        self._items: deque[_Piece | ClientMessage] = deque()
        self._chunks = 0  # of the stream whose audio leaves now
        self._changed = asyncio.Event()
        self._messages = 0  # that have not left
        self.waiting_s = 0.0  # audio that has not left

    def put_audio(self, data: bytes, now_s: float) -> None:
        """Samples of 16 bits, one channel. Raises InputError for half a sample."""
        if len(data) % BYTES:
            raise InputError(
                f"audio comes in samples of 16 bits, and a message has {len(data)} bytes, an odd number"
            )
        if data:
            last = self._items[-1] if self._items else None
            if isinstance(last, _Piece) and len(last.data) < SHORTEST_S * BYTES * last.sample_rate:
                self._items[-1] = _Piece(last.data + data, last.sample_rate, now_s)
            else:
                self._items.append(_Piece(data, self._rate, now_s))
            self.waiting_s += len(data) / BYTES / self._rate
            self._changed.set()

    def put_message(self, message: ClientMessage) -> None:
        self._items.append(message)
        self._messages += 1
        if message.options.sample_rate is not None:
            self._rate = message.options.sample_rate
        if message.ends:
            self._rate = self._default_rate
        self._changed.set()

    async def has_room(self, limit_s: float) -> None:
        """Wait until no more audio waits than that, and no more than MOST_MESSAGES."""
        while self.waiting_s > limit_s or self._messages > MOST_MESSAGES:
            self._changed.clear()
            await self._changed.wait()

    async def take(self, catch_up: bool = False) -> Chunk | ClientMessage:
        """The next chunk or message; waits until there is one. catch_up: what waits may be one chunk."""
        while (found := self._take(catch_up)) is None:
            self._changed.clear()
            await self._changed.wait()
        self._changed.set()
        return found

    def _take(self, catch_up: bool) -> Chunk | ClientMessage | None:
        is_behind = catch_up and self.waiting_s > max(MAY_WAIT_S, CHUNKS_BEHIND * self._chunk_ms / 1000)
        pieces: list[_Piece] = []
        needed = wanted = size = 0
        for place, item in enumerate(self._items):
            if isinstance(item, ClientMessage):
                if pieces and (item.changes_sound or size >= needed):
                    return self._cut(pieces, size)
                del self._items[place]
                self._messages -= 1
                if item.ends:
                    self._chunks = 0
                return item
            pieces.append(item)
            size += len(item.data)
            needed = needed or self._chunk_bytes(item.sample_rate)
            wanted = max(needed, BYTES * int(LONGEST_S * item.sample_rate)) if is_behind else needed
            if size >= wanted:
                return self._cut(pieces, wanted)
        return self._cut(pieces, size) if pieces and size >= needed else None

    def _cut(self, pieces: list[_Piece], size: int) -> Chunk:
        """The first `size` bytes of the pieces, which are the first that wait."""
        rate, last = pieces[0].sample_rate, pieces[-1]
        data = b"".join(piece.data for piece in pieces)
        for _ in pieces:
            self._items.popleft()
        if len(data) > size:
            self._items.appendleft(_Piece(data[size:], rate, last.arrived_s))
        self._chunks += 1
        self.waiting_s = max(0.0, self.waiting_s - size / BYTES / rate)
        return Chunk(np.frombuffer(data[:size], np.int16), rate, last.arrived_s)

    def _chunk_bytes(self, rate: int) -> int:
        """Where a chunk is no whole number of samples, some have one more than others."""
        ends = [rate * self._chunk_ms * count // 1000 for count in (self._chunks, self._chunks + 1)]
        return max(BYTES, BYTES * (ends[1] - ends[0]))
