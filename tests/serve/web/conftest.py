"""`simulst serve` on loopback, in a thread of this process, so that it finds the model loaded."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="the server is not installed: pip install -e '.[serve]'")

import websockets

from agents.configuration.agent_configuration import configure_agent
from agents.holdn_agent import HoldNPolicy
from models.languages import LanguagePair
from serve.served_agent import ServedAgent
from serve.shared_engine import SharedEngine
from serve.web.app import LiveServer
from serve.web.serve_options import ServeOptions
from serve.web.server import make_server
from serve.web.session_log import SessionLog
from tests.agents.test_engine import GERMAN, engine
from tests.models.scripted_translator import random_script

PATIENCE_S = 120  # on a machine that does other work as well


@dataclass(frozen=True)
class Serving:
    """A server that runs."""

    live: LiveServer
    port: int
    stop: Callable[[], None]

    @property
    def uri(self) -> str:
        return f"ws://127.0.0.1:{self.port}/"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@contextmanager
def serving(
    agent: ServedAgent, name: str = "holdn", port: int = 0, send_bytes: int | None = None, **options: Any
) -> Iterator[Serving]:
    """name: of the agent whose policy is the server's own. send_bytes: what the system keeps for a client."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if send_bytes is not None:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_bytes)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    chosen = ServeOptions(**{"clients_per_address": 64, **options})
    configuration, _ = configure_agent({"agent": name, "model": "reina-mini"}, "test")
    log = None if chosen.session_log is None else SessionLog(chosen.session_log)
    live = LiveServer(agent, configuration, chosen, log)
    server = make_server(live.app(), chosen)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join(30)

    try:
        yield Serving(live, listener.getsockname()[1], stop)
    finally:
        stop()
        agent.engine.on_step = None
        agent.engine.streams_at_once = None
        if log is not None:
            log.close()


@pytest.fixture(scope="session")
def scripted() -> Iterator[ServedAgent]:
    """Hold-n over a model that says something else to every audio and prefix at once; chunks of 200 ms."""
    together = SharedEngine(engine(random_script(3, 10, sharpness=4.0), vocabulary=10))
    yield ServedAgent(together, HoldNPolicy(2), GERMAN, 200)
    together.close()


@pytest.fixture(scope="module")
def served(scripted) -> Iterator[Serving]:
    """One server of it for all tests of a module."""
    with serving(scripted) as server:
        yield server


@pytest.fixture(scope="session")
def sound() -> np.ndarray:
    """(n,) int16 at 16 kHz: 2.5 s, which are 12 chunks of the scripted model, and a half."""
    return np.zeros(40_000, np.int16)


def alone(server: Serving, samples: np.ndarray, settings: dict[str, Any]) -> str:
    """What the engine writes for a stream of its own, chunk by chunk."""
    agent = server.live.agent
    name = settings.get("policy", next(iter(server.live.catalog.policies)))
    policy = server.live.catalog.choose(name, settings.get("knob"))
    target = settings.get("target_lang", agent.languages.target)
    stream = agent.open_stream(LanguagePair("en", target), policy)
    said, size = "", 16 * agent.chunk_ms
    for start in range(0, len(samples), size):
        stream.audio.append(samples[start : start + size], 16_000)
        said += agent.engine.step(stream).text
    stream.audio.append([], None, finished=True)
    return (said + agent.engine.step(stream).text).lstrip()


def connect(uri: str, **settings: Any):
    return websockets.connect(uri, ping_timeout=None, open_timeout=PATIENCE_S, **settings)


async def speak(
    client: Any,
    samples: np.ndarray,
    settings: dict[str, Any] | None = None,
    piece: int = 1600,
    pause_s: float = 0.0,
    between: Callable[[int], dict[str, Any] | None] = lambda start: None,
) -> list[dict[str, Any]]:
    """All answers to these int16 samples, sent in pieces. between: a message in front of a piece."""
    await client.send(json.dumps({"sample_rate": 16_000, **(settings or {})}))
    for start in range(0, len(samples), piece):
        if (message := between(start)) is not None:
            await client.send(json.dumps(message))
        await client.send(samples[start : start + piece].tobytes())
        await asyncio.sleep(pause_s)
    await client.send(json.dumps({"end_of_stream": True}))
    return await answers(client)


async def answers(client: Any) -> list[dict[str, Any]]:
    """All up to the last, which says that the server has done."""
    told = []
    while not told or "end_of_processing" not in told[-1]:
        told.append(json.loads(await asyncio.wait_for(client.recv(), PATIENCE_S)))
    return told


def text_of(told: list[dict[str, Any]]) -> str:
    """What a client shows that does as simulstream says."""
    shown = ""
    for answer in told:
        if deleted := answer.get("deleted", ""):
            assert shown.endswith(deleted)
            shown = shown[: -len(deleted)]
        shown += answer.get("new", "")
    return shown


async def text(uri: str, samples: np.ndarray, settings: dict[str, Any] | None = None, **how: Any) -> str:
    async with connect(uri) as client:
        return text_of(await speak(client, samples, settings, **how))


def until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.02)
