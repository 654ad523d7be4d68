"""simulstream's own servers on loopback, in threads of this process, so that they find the model loaded."""

import asyncio
import json
import socket
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from simulstream.config import yaml_config
from simulstream.server import websocket_server
from simulstream.server.speech_processors.remote import http_speech_processor_server as http_server

from serve.simulstream_options import CLASS
from tests.serve.conftest import VALUES

websockets = pytest.importorskip("websockets")

PROXY = "simulstream.server.speech_processors.remote.http_proxy_speech_processor.HttpProxySpeechProcessor"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return one.getsockname()[1]


def write_yaml(file: Path, **values) -> Path:
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return file


def processor_file(folder: Path) -> Path:
    return write_yaml(folder / "processor.yaml", type=CLASS, **VALUES)


def wait_for_port(port: int, seconds: float = 60) -> None:
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        with suppress(OSError), socket.create_connection(("localhost", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens to port {port}")


@contextmanager
def websocket_serving(processor: Path, log: Path, places: int = 3) -> Iterator[str]:
    """simulstream's WebSocket server over the processor of a file, with its log; gives its address."""
    port = free_port()
    server = write_yaml(
        log.with_suffix(".server.yaml"),
        hostname="localhost",
        port=port,
        pool_size=places,
        acquire_timeout=5,
        metrics={"enabled": True, "filename": str(log)},
    )
    args = Namespace(server_config=str(server), speech_processor_config=str(processor))
    loop = asyncio.new_event_loop()
    task = loop.create_task(websocket_server.main(args))

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_for_port(port)
        yield f"ws://localhost:{port}/"
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(20)
        loop.close()


@contextmanager
def http_serving(processor: Path, places: int = 3, ttl_s: float = 600) -> Iterator[int]:
    """simulstream's HTTP server of processors, as its `serve` starts it; gives its port."""
    sessions = http_server.SpeechProcessorSessionManager(yaml_config(str(processor)), places, ttl_s)
    handler = partial(http_server.HttpSpeechProcessorHandler, speech_processor_manager=sessions)
    httpd = ThreadingHTTPServer(("localhost", 0), handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    try:
        yield httpd.server_address[1]
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join(20)


def proxy_file(folder: Path, port: int) -> Path:
    return write_yaml(folder / "proxy.yaml", type=PROXY, hostname="localhost", port=port)


def connect(uri: str):
    """As simulstream's client: server and client share a process here, which may not answer for a while."""
    return websockets.connect(uri, ping_timeout=None)


async def translate(uri: str, samples, target: str | None, piece: int = 4000, wav: str = "clip.wav") -> str:
    """All new text that a client is sent, who speaks these int16 samples in pieces."""
    settings = {"sample_rate": 16_000, "metrics_metadata": {"wav_name": wav}}
    if target is not None:
        settings |= {"source_lang": "en", "target_lang": target}
    async with connect(uri) as socket:
        await socket.send(json.dumps(settings))
        for start in range(0, len(samples), piece):
            await socket.send(samples[start : start + piece].tobytes())
        await socket.send(json.dumps({"end_of_stream": True}))
        return await rest(socket)


async def rest(socket) -> str:
    """All new text until the server says that it has done."""
    text = ""
    while "end_of_processing" not in (answer := json.loads(await socket.recv())):
        assert answer["deleted"] == ""
        text += answer["new"]
    return text
