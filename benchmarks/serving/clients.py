"""Clients that speak in real time, and note when they are answered."""

import asyncio
import json
from collections.abc import Sequence
from itertools import cycle

import numpy as np
import websockets

SAMPLE_RATE = 16_000
PATIENCE_S = 600


async def speak_together(
    uris: Sequence[str], clients: int, samples: np.ndarray, seconds: float, chunk_ms: int
) -> list[float]:
    """Delays in s of all answers to `clients` clients; they begin spread over a chunk, as people do.

    samples: (n,) int16 at 16 kHz, repeated as often as needed; each client begins elsewhere in them.
    """
    addresses = cycle(uris)
    speaking = [
        _speak(next(addresses), np.roll(samples, -place * SAMPLE_RATE), seconds, chunk_ms, place / clients)
        for place in range(clients)
    ]
    return [delay for delays in await asyncio.gather(*speaking) for delay in delays]


async def _speak(uri: str, samples: np.ndarray, seconds: float, chunk_ms: int, begins: float) -> list[float]:
    size, chunks = SAMPLE_RATE * chunk_ms // 1000, int(1000 * seconds / chunk_ms)
    spoken = np.resize(samples, chunks * size)
    loop = asyncio.get_running_loop()
    async with websockets.connect(uri, ping_timeout=None, open_timeout=PATIENCE_S) as client:
        await client.send(json.dumps({"sample_rate": SAMPLE_RATE}))
        start_s = loop.time() + (1 + begins) * chunk_ms / 1000
        sent_s: list[float] = []
        answers = asyncio.create_task(_answers(client, sent_s, chunks))
        for chunk in range(chunks):
            await asyncio.sleep(max(0.0, start_s + chunk * chunk_ms / 1000 - loop.time()))
            sent_s.append(loop.time())
            await client.send(spoken[chunk * size : (chunk + 1) * size].tobytes())
        return await asyncio.wait_for(answers, PATIENCE_S)


async def _answers(client, sent_s: list[float], chunks: int) -> list[float]:
    """Every chunk has one answer, in their order."""
    loop, delays = asyncio.get_running_loop(), []
    while len(delays) < chunks:
        told = json.loads(await client.recv())
        if "error" in told:
            raise RuntimeError(told["error"])
        delays.append(loop.time() - sent_s[len(delays)])
    return delays
