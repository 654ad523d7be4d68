"""Clients of simulstream's servers that do what makes no sense: one message each, and nobody else notices."""

import asyncio
import base64
import http.client
import json
import re
import time

import numpy as np
import pytest

pytest.importorskip("simulstream", reason="simulstream is not installed: pip install -e '.[serve]'")

from simulstream.metrics.logger import METRICS_LOGGER

from serve.live_stream import LiveStream
from tests.serve.simulstream_servers import (
    connect,
    http_serving,
    processor_file,
    rest,
    translate,
    websocket_serving,
    websockets,
)

SILENCE = bytes(2 * 4000)  # a chunk


async def closes(socket, *messages) -> bool:
    """Whether the server closes the connection after these messages."""
    try:
        for message in messages:
            await socket.send(message)
        await asyncio.wait_for(socket.recv(), 10)
    except websockets.ConnectionClosed:
        return True
    return False


async def unknown_language(uri):
    async with connect(uri) as socket:
        assert await closes(socket, json.dumps({"target_lang": "it"}), SILENCE)


async def half_a_sample(uri):
    async with connect(uri) as socket:
        assert await closes(socket, SILENCE + b"x")


async def a_rate_of_nothing(uri):
    async with connect(uri) as socket:
        assert await closes(socket, json.dumps({"sample_rate": 0}), SILENCE)


async def no_json(uri):
    """Texts that cannot be read are no end of a stream."""
    async with connect(uri) as socket:
        for message in ("{", "[]", json.dumps({"sample_rate": "fast"}), json.dumps({"end_of_stream": True})):
            await socket.send(message)
        assert await rest(socket) == ""


async def goes_away(uri):
    async with connect(uri) as socket:
        await socket.send(SILENCE)


WEBSOCKET = {
    unknown_language: "language 'it' is not known to this model. It knows de, fr, en",
    half_a_sample: "buffer size must be a multiple of element size",
    a_rate_of_nothing: "division by zero",
    no_json: "Invalid string message: {. Error:",
    goes_away: "connected",
}


@pytest.mark.parametrize("misbehave", WEBSOCKET, ids=lambda one: one.__name__)
def test_a_client_beside_one_that_misbehaves_gets_its_text(
    agent, captions, written, tmp_path, caplog, misbehave
):
    """Before, beside and after it, on a server with two places."""
    clip = captions["caption_2"]

    async def clients(uri):
        both = await asyncio.gather(translate(uri, clip, "fr"), misbehave(uri))
        await misbehave(uri)
        return both[0]

    with websocket_serving(processor_file(tmp_path), tmp_path / "metrics.jsonl", places=2) as uri:
        with caplog.at_level("INFO"):
            text = asyncio.run(clients(uri))
    assert text == " ".join(written(clip, target="fr").words)
    assert sum(WEBSOCKET[misbehave] in record.getMessage() for record in caplog.records) >= 1
    assert not any("Timeout" in record.getMessage() for record in caplog.records)


def test_in_mid_stream_another_language_is_refused(agent, captions, written, tmp_path, caplog):
    clip = captions["caption_1"]

    async def client(uri):
        async with connect(uri) as socket:
            for place, start in enumerate(range(0, len(clip), 4000)):
                if place == 5:
                    await socket.send(json.dumps({"target_lang": "fr"}))
                    await socket.send(json.dumps({"target_lang": "it"}))
                await socket.send(clip[start : start + 4000].tobytes())
            await socket.send(json.dumps({"end_of_stream": True}))
            return await rest(socket)

    with websocket_serving(processor_file(tmp_path), tmp_path / "metrics.jsonl") as uri:
        text = asyncio.run(client(uri))
    assert text == " ".join(written(clip).words)
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    goes_on = "the stream goes on with 'de' written, and another language needs a new stream. Ignoring it."
    assert [message.split("Error: ")[1] for message in said] == [
        f"'fr' is asked for in mid-stream: {goes_on}",
        f"language 'it' is not known to this model. It knows de, fr, en; {goes_on}",
    ]


def test_in_mid_stream_simulstream_itself_converts_another_rate(agent, captions, written, tmp_path):
    clip, log = captions["caption_1"], tmp_path / "metrics.jsonl"

    async def client(uri):
        async with connect(uri) as socket:
            for start in range(0, len(clip), 4000):
                piece = clip[start : start + 4000]
                if start == 16_000:
                    await socket.send(json.dumps({"sample_rate": 8000}))
                await socket.send((piece if start < 16_000 else piece[::2]).tobytes())
            await socket.send(json.dumps({"end_of_stream": True}))
            return await rest(socket)

    METRICS_LOGGER.setLevel("INFO")
    with websocket_serving(processor_file(tmp_path), log) as uri:
        text = asyncio.run(client(uri))
    assert text.split()[:2] == ["Eine", "Frau"]
    heard_s = [json.loads(line).get("total_audio_processed", 0.0) for line in log.read_text().splitlines()]
    assert heard_s == [0.0, *(0.25 * chunk for chunk in range(1, 18)), 4.475]


def test_a_client_that_sends_nothing_for_too_long_is_told_so(agent, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(LiveStream, "silence_limit_s", 0.2)

    async def client(uri):
        async with connect(uri) as socket:
            await socket.send(SILENCE)
            await socket.recv()
            await asyncio.sleep(0.5)
            return await closes(socket, SILENCE)

    with websocket_serving(processor_file(tmp_path), tmp_path / "metrics.jsonl") as uri:
        assert asyncio.run(client(uri))
    [said] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert re.fullmatch(r"Error: nothing came for \d s, more than 0.2 s: begin a new stream", said)


def test_audio_behind_the_end_is_a_new_stream_in_the_configured_languages(agent, captions, written, tmp_path):
    """simulstream's WebSocket server clears a client's place at the end, and takes more for a new stream."""
    clip = captions["caption_2"]

    async def client(uri):
        texts = []
        async with connect(uri) as socket:
            await socket.send(json.dumps({"target_lang": "fr"}))
            for _ in range(2):
                await socket.send(clip.tobytes())
                await socket.send(json.dumps({"end_of_stream": True}))
                texts.append(await rest(socket))
        return texts

    with websocket_serving(processor_file(tmp_path), tmp_path / "metrics.jsonl") as uri:
        french, german = asyncio.run(client(uri))
    size_ms = len(clip) // 16  # one piece
    assert french.split() == written(clip, size_ms, "fr").words
    assert german.split() == written(clip, size_ms).words


class HttpClient:
    """One session with simulstream's HTTP server of processors."""

    def __init__(self, port: int, session: str) -> None:
        self.port, self.session = port, session

    def ask(self, method: str, path: str, **values):
        connection = http.client.HTTPConnection("localhost", self.port, timeout=20)
        connection.request(method, f"/{path}", json.dumps({"session_id": self.session, **values}))
        answer = connection.getresponse().read()
        return json.loads(answer) if answer else None

    def hear(self, samples: np.ndarray) -> str:
        waveform = base64.b64encode(samples.astype(np.float32).tobytes()).decode()
        return self.ask("POST", "process_chunk", waveform=waveform)["new_string"]

    def end(self) -> str:
        return self.ask("POST", "end_of_stream")["new_string"]

    def drops(self, method: str, path: str, **values) -> bool:
        try:
            self.ask(method, path, **values)
        except http.client.RemoteDisconnected:
            return True
        return False


def test_sessions_of_the_http_server_fail_alone(agent, captions, written, tmp_path, capfd):
    clip = captions["caption_2"]
    with http_serving(processor_file(tmp_path), places=2) as port:
        good, bad = HttpClient(port, "good"), HttpClient(port, "bad")
        words, chunk = [], np.zeros(4000)
        for place, start in enumerate(range(0, len(clip), 4000)):
            words += good.hear(clip[start : start + 4000] / 2**15).split()
            if place == 2:
                assert bad.drops("PUT", "target_language", language="it")
                assert bad.drops("POST", "process_chunk", waveform="AAA=")  # no whole number of samples
                assert bad.ask("PUT", "target_language", language="de") is None
                assert bad.hear(chunk) == bad.end() == ""
            if place == 3:
                assert bad.drops("POST", "process_chunk", waveform="AAAAAA==")
                assert bad.drops("POST", "end_of_stream")
                bad.ask("POST", "clear")
                assert bad.hear(chunk) == bad.end() == ""
                bad.ask("POST", "clear")
        words += good.end().split()
        assert HttpClient(port, "third").end() == ""
    assert words == written(clip).words
    said = capfd.readouterr().err
    assert said.count("UnknownLanguage: language 'it' is not known to this model. It knows de, fr, en") == 1
    assert said.count("InputError: the stream has ended, yet more is asked of it: begin a new one") == 2


def test_a_session_that_sends_nothing_gives_its_place_back(agent, tmp_path):
    with http_serving(processor_file(tmp_path), places=1, ttl_s=0.3) as port:
        idle, next_one = HttpClient(port, "idle"), HttpClient(port, "next")
        idle.hear(np.zeros(16_000))
        assert next_one.drops("GET", "speech_chunk_size")
        time.sleep(0.8)
        assert next_one.ask("GET", "speech_chunk_size") == {"speech_chunk_size": 0.25}
