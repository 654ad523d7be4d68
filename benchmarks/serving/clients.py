"""Clients that speak in real time, and note when they are answered."""

import asyncio
import json
from collections.abc import Sequence
from itertools import cycle

import numpy as np
import websockets

SAMPLE_RATE = 16_000
PATIENCE_S = 600
# A client that waits for so long has lost real time: it speaks no further.
LOST_S = 5.0


async def speak_together(
    uris: Sequence[str], clients: int, samples: np.ndarray, seconds: float, chunk_ms: int
) -> list[float]:
    """Delays in s of all answers to `clients` clients; they begin spread over a chunk, as people do.

    samples: (n,) int16 at 16 kHz, repeated as often as needed; each client begins elsewhere in them. Once a
    client has lost real time all of them stop, and what they still wait for counts as LOST_S each.
    """
    addresses, lost = cycle(uris), asyncio.Event()
    speaking = [
        _speak(
            next(addresses), np.roll(samples, -place * SAMPLE_RATE), seconds, chunk_ms, place / clients, lost
        )
        for place in range(clients)
    ]
    return [delay for delays in await asyncio.gather(*speaking) for delay in delays]


async def _speak(
    uri: str, samples: np.ndarray, seconds: float, chunk_ms: int, begins: float, lost: asyncio.Event
) -> list[float]:
    size, chunks = SAMPLE_RATE * chunk_ms // 1000, int(1000 * seconds / chunk_ms)
    spoken = np.resize(samples, chunks * size)
    loop = asyncio.get_running_loop()
    async with websockets.connect(uri, ping_timeout=None, open_timeout=PATIENCE_S) as client:
        await client.send(json.dumps({"sample_rate": SAMPLE_RATE}))
        start_s = loop.time() + (1 + begins) * chunk_ms / 1000
        sent_s: list[float] = []
        delays: list[float] = []
        answers = asyncio.create_task(_answers(client, sent_s, delays, chunks))
        for chunk in range(chunks):
            await asyncio.sleep(max(0.0, start_s + chunk * chunk_ms / 1000 - loop.time()))
            _note_loss(sent_s, delays, loop.time(), lost)
            if lost.is_set() or answers.done():
                break
            sent_s.append(loop.time())
            await client.send(spoken[chunk * size : (chunk + 1) * size].tobytes())
        while not (answers.done() or lost.is_set() or len(delays) == len(sent_s)):
            await asyncio.sleep(0.02)
            _note_loss(sent_s, delays, loop.time(), lost)
        if answers.done():
            answers.result()  # raises what the server said
        answers.cancel()
        return [*delays, *[LOST_S] * (len(sent_s) - len(delays))]


def _note_loss(sent_s: list[float], delays: list[float], now_s: float, lost: asyncio.Event) -> None:
    if len(delays) < len(sent_s) and now_s - sent_s[len(delays)] > LOST_S:
        lost.set()


async def _answers(client, sent_s: list[float], delays: list[float], chunks: int) -> None:
    """Every chunk has one answer, in their order."""
    loop = asyncio.get_running_loop()
    while len(delays) < chunks:
        told = json.loads(await client.recv())
        if "error" in told:
            raise RuntimeError(told["error"])
        delays.append(loop.time() - sent_s[len(delays)])
