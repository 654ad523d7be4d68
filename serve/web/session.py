"""A client from its first message to its last: what it sends goes into its inbox, what it is told comes out.

Two tasks: one reads, one has the engine hear the inbox and answers. Where the client sends more than may
wait, it is not read from, so that its own buffers fill: nothing is dropped, and memory stays bounded. Where
it does not read, its answers are not computed either, until it is given up.
"""

import asyncio
import logging
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from foundation.errors import InputError
from models.sound.audio import SAMPLE_RATE
from serve.asked_languages import UnknownLanguage
from serve.served_agent import ServedAgent
from serve.web.client_message import ClientMessage, read_message
from serve.web.client_stream import ClientStream, Wishes
from serve.web.inbox import Chunk, Inbox
from serve.web.limits import Pace
from serve.web.measurements import Measurements
from serve.web.policy_catalog import PolicyCatalog
from serve.web.serve_options import ServeOptions
from serve.web.session_log import SessionLog

logger = logging.getLogger(__name__)

# Codes of RFC 6455.
NORMAL, REFUSED, BUSY = 1000, 1008, 1013
# A client is told how much of its audio waits once that is so much more than before.
BEHIND_S, BEHIND_STEP_S = 1.0, 0.5


class Session:
    """One client's connection."""

    def __init__(
        self,
        socket: WebSocket,
        agent: ServedAgent,
        catalog: PolicyCatalog,
        options: ServeOptions,
        measurements: Measurements,
        log: SessionLog | None,
    ) -> None:
        self._socket = socket
        self._agent = agent
        self._catalog = catalog
        self._options = options
        self._measurements = measurements
        self._log = log
        self._pace = Pace(options.messages_per_second)
        self._inbox = Inbox(agent.chunk_ms, SAMPLE_RATE)
        self._works = False  # the engine is to hear something, or an answer is on its way
        self._bad_messages = 0
        self._told_behind_s = 0.0
        self._begin(Wishes(next(iter(catalog.policies))))

    async def run(self) -> None:
        """Serve the client until it goes, or cannot be served any further; says why in a last message."""
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._work())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            error = next((task.exception() for task in done if task.exception() is not None), None)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if error is None or isinstance(error, WebSocketDisconnect):
            return
        if isinstance(error, InputError | TimeoutError):
            await self._dismiss(str(error))
        else:
            logger.error("a session has failed", exc_info=error)
            await self._dismiss("the server has made a mistake; its log says more")

    async def _read(self) -> None:
        while True:
            try:
                # Python 3.11's wait_for forgets that it was cancelled where a message comes at that moment.
                async with asyncio.timeout(self._options.idle_s):
                    message = await self._socket.receive()
            except TimeoutError:
                if self._works:  # it is the client that waits
                    continue
                raise InputError(f"nothing came for {self._options.idle_s:g} s: connect again") from None
            if message["type"] == "websocket.disconnect":
                return
            if len(message.get("bytes") or message.get("text") or "") > self._options.message_bytes:
                # Our own server does not even receive it; others that run this app may.
                raise InputError(f"a message may have {self._options.message_bytes} bytes, and this has more")
            await self._pace.wait()
            if message.get("bytes") is not None:
                self._inbox.put_audio(message["bytes"], asyncio.get_running_loop().time())
            else:
                await self._hear_message(message["text"])
            # A chunk must fit, or both tasks would wait for ever.
            await self._inbox.has_room(max(self._options.buffered_audio_s, self._agent.chunk_ms / 1000))

    async def _hear_message(self, text: str) -> None:
        try:
            self._inbox.put_message(read_message(text, asyncio.get_running_loop().time()))
        except InputError as error:
            await self._refuse(error)

    async def _work(self) -> None:
        while True:
            self._works = False
            item = await self._inbox.take(self._stream.wishes.catch_up)
            self._works = True
            if isinstance(item, Chunk):
                await self._hear(item)
            else:
                await self._obey(item)

    async def _hear(self, chunk: Chunk) -> None:
        if not self._stream.has_begun:
            self._measurements.streams.inc()
        told = await self._stream.hear(chunk)
        self._measurements.audio_s.inc(len(chunk.samples) / chunk.sample_rate)
        await self._tell(self._with_behind(told), chunk.arrived_s)

    async def _obey(self, message: ClientMessage) -> None:
        if message.metadata is not None:
            self._name_in_log(message.metadata)
        try:
            self._stream.set(message.options)
        except InputError as error:
            await self._refuse(error)
        if message.ends:
            await self._tell(await self._stream.end(), message.arrived_s)
            shown, wishes = self._stream.shown, self._stream.wishes
            done: dict[str, Any] = {"end_of_processing": True}
            if wishes.stability == "preview":
                done["normalised_erasure"] = round(shown.normalised_erasure, 4)
            await self._send(done)
            self._begin(wishes)

    def _begin(self, wishes: Wishes) -> None:
        """The next stream, in the server's languages."""
        self._stream = ClientStream(self._agent, self._catalog, wishes)
        self._number: int | None = None  # in the log, which knows the stream once it has a name

    def _name_in_log(self, metadata: Any = None) -> None:
        """Streams keep the name that they had first: readers of logs know each by one."""
        if self._log is not None and self._number is None:
            self._number = self._log.new_stream()
            self._log.note_metadata(self._number, metadata)

    def _with_behind(self, told: dict[str, Any]) -> dict[str, Any]:
        waiting_s = self._inbox.waiting_s
        behind_s = waiting_s if waiting_s >= BEHIND_S else 0.0
        if abs(behind_s - self._told_behind_s) >= BEHIND_STEP_S:
            self._told_behind_s = behind_s
            return {**told, "behind_s": round(behind_s, 2)}
        return told

    async def _tell(self, told: dict[str, Any], arrived_s: float) -> None:
        """arrived_s: when the last of what it answers to had come."""
        delay_s = asyncio.get_running_loop().time() - arrived_s
        self._measurements.delay_s.observe(delay_s)
        if self._stream.wishes.report:
            told["delay_s"] = round(delay_s, 3)
        self._measurements.words.inc(self._stream.new_words)
        self._measurements.deleted_words.inc(len(told["deleted"].split()))
        if self._log is not None:
            self._name_in_log()
            change = (told["new"], told["deleted"], self._stream.in_characters)
            self._log.note_decision(self._number, self._stream.heard_s, delay_s, *change)
        await self._send(told)

    async def _refuse(self, error: InputError) -> None:
        """A message that cannot be obeyed is no end; too many of them are."""
        self._measurements.refused.labels("message").inc()
        self._bad_messages += 1
        if self._bad_messages > self._options.bad_messages:
            raise InputError(f"{self._options.bad_messages} messages could not be used; the last: {error}")
        unknown = isinstance(error, UnknownLanguage)
        told = "audio is refused until another is asked for" if unknown else "ignored"
        await self._send({"new": "", "deleted": "", "error": f"{error} ({told})"})

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(self._options.slow_reader_s):
                await self._socket.send_json(message)
        except TimeoutError:
            raise InputError(f"no answer was read for {self._options.slow_reader_s:g} s") from None

    async def _dismiss(self, reason: str) -> None:
        self._measurements.refused.labels("session").inc()
        await dismiss(self._socket, reason, REFUSED)


async def dismiss(socket: WebSocket, reason: str, code: int) -> None:
    """Say why, and close; whoever does not listen is left alone."""
    try:
        async with asyncio.timeout(1.0):
            await socket.send_json({"new": "", "deleted": "", "error": reason})
            await socket.close(code, reason.encode()[:120].decode(errors="ignore"))
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        pass
