"""Hostile and unlucky clients, beside others of which no word changes; memory returns to where it was."""

import asyncio
import gc
import json
import random
import socket
import subprocess
import sys

import pytest
import websockets

from agents.stream.state import StreamState
from foundation.errors import InputError
from serve.web import server as server_module
from serve.web.session import Session
from tests.serve.web.conftest import alone, answers, connect, serving, speak, text, text_of, until

KILLED = """
import asyncio, sys, websockets
async def run():
    async with websockets.connect(sys.argv[1]) as client:
        await client.send(bytes(32_000))
        print("speaks", flush=True)
        await asyncio.sleep(600)
asyncio.run(run())
"""


def kept() -> tuple[int, int]:
    """Sessions and streams that are in memory."""
    gc.collect()
    found = [type(one) for one in gc.get_objects()]
    return found.count(Session), found.count(StreamState)


@pytest.fixture
def left_behind():
    """Tells how many more sessions and streams are in memory than when the test began."""
    before = kept()
    return lambda: tuple(now - then for now, then in zip(kept(), before, strict=True))


def malformed(number: int) -> str | bytes:
    """One of 1,000 messages that make no sense; some are cut out of ones that do."""
    draw = random.Random(number)
    good = json.dumps({"sample_rate": 16_000, "policy": "waitk", "knob": 2, "report": ["times"]})
    kinds = (
        lambda: good[: draw.randrange(1, len(good))],
        lambda: "".join(chr(draw.randrange(32, 0x2000)) for _ in range(draw.randrange(40))),
        lambda: json.dumps(draw.choice([[], 1, None, "end_of_stream", [{}], True])),
        lambda: json.dumps({draw.choice(["", "Policy", "samplerate", "knobs"]): draw.random()}),
        lambda: json.dumps({draw.choice(["policy", "knob", "report", "sample_rate"]): [{}] * 3}),
        lambda: draw.randbytes(2 * draw.randrange(50) + 1),
        lambda: "[" * draw.randrange(1, 5000),
        lambda: json.dumps({"sample_rate": draw.choice([-1, 0, 1e30, 5])}),
    )
    return kinds[number % len(kinds)]()


async def send_nonsense(uri: str, numbers: range) -> int:
    """Returns how often the server had enough."""
    left, dismissed = list(numbers), 0
    while left:
        async with connect(uri) as client:
            try:
                while left:
                    await client.send(malformed(left.pop()))
                    told = json.loads(await asyncio.wait_for(client.recv(), 60))
                    assert told["error"] and len(told["error"]) < 400
            except websockets.ConnectionClosed as closed:
                assert closed.rcvd.code == 1008
                dismissed += 1
    return dismissed


def test_a_thousand_malformed_messages_change_no_word_of_others(left_behind, scripted, sound):
    async def run(uri):
        good = [text(uri, sound, piece=800, pause_s=0.02) for _ in range(3)]
        nonsense = [send_nonsense(uri, range(start, start + 250)) for start in range(0, 1000, 250)]
        return await asyncio.gather(*good, *nonsense)

    with serving(scripted) as server:
        expected = alone(server, sound, {})
        *texts, a, b, c, d = asyncio.run(run(server.uri))
        until(lambda: server.live.gate.open == 0)
    assert texts == [expected] * 3
    assert a + b + c + d >= 1000 / 8  # half a sample ends a session
    assert left_behind() == (0, 0)


def test_two_hundred_connect_within_a_second_and_the_limit_holds(left_behind, scripted, sound):
    async def one(uri):
        async with connect(uri) as client:
            try:
                return text_of(await speak(client, sound[:16_000]))
            except websockets.ConnectionClosed:
                return None

    async def refused(uri):
        async with connect(uri) as client:
            return json.loads(await client.recv()), (await client.wait_closed(), client.close_code)[1]

    async def run(uri):
        first = asyncio.create_task(text(uri, sound, piece=400, pause_s=0.01))
        await asyncio.sleep(0.1)
        crowd = await asyncio.gather(*(one(uri) for _ in range(200)))
        return await first, crowd

    async def fill(uri):
        async with connect(uri), connect(uri):
            return await refused(uri)

    with serving(scripted, clients=64, clients_per_address=40) as server:
        first, crowd = asyncio.run(run(server.uri))
        short = alone(server, sound[:16_000], {})
        assert first == alone(server, sound, {})
        assert set(crowd) == {short, None} or set(crowd) == {short}
        until(lambda: server.live.gate.open == 0)
    with serving(scripted, clients=2) as server:
        told, code = asyncio.run(fill(server.uri))
    assert told["error"] == "this server has 2 clients, and takes no more: try again later"
    assert code == 1013
    assert left_behind() == (0, 0)


def test_a_killed_client_leaves_nothing_behind(left_behind, served, sound):
    client = subprocess.Popen([sys.executable, "-c", KILLED, served.uri], stdout=subprocess.PIPE)
    assert client.stdout.readline() == b"speaks\n"
    until(lambda: served.live.gate.open == 1)
    client.kill()
    client.wait(30)
    assert asyncio.run(text(served.uri, sound)) == alone(served, sound, {})
    until(lambda: served.live.gate.open == 0)
    assert left_behind() == (0, 0)


def test_a_client_that_does_not_read_is_sent_away_and_holds_up_nobody(scripted, sound):
    """Its answers fill the buffers of both sides; those of the system are made small."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)

    async def run(server):
        narrow.connect(("127.0.0.1", server.port))
        async with connect(server.uri, sock=narrow, max_queue=1) as slow:
            # A wish of which the answer is long, again and again.
            wish = json.dumps({"x" * 3000: 1})
            writing = asyncio.create_task(_send_all(slow, [wish] * 3000))
            good = await text(server.uri, sound, piece=800, pause_s=0.02)
            await asyncio.to_thread(until, lambda: server.live.gate.open == 0)
            writing.cancel()
            slow.transport.abort()  # what it has not sent would hold it up
        return good

    often = {"bad_messages": 100_000, "messages_per_second": 1e5}
    with serving(scripted, slow_reader_s=0.5, send_bytes=2048, **often) as server:
        assert asyncio.run(run(server)) == alone(server, sound, {})


async def _send_all(client, messages) -> None:
    for message in messages:
        await client.send(message)


def test_half_open_connections_end(scripted, sound, monkeypatch):
    monkeypatch.setattr(server_module, "FIRST_REQUEST_S", 0.5)
    with serving(scripted, idle_s=0.5) as server:
        silent = [socket.create_connection(("127.0.0.1", server.port), 60) for _ in range(20)]
        for place, one in enumerate(silent):
            one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n"[: 2 * place])  # and never the rest
        assert asyncio.run(text(server.uri, sound)) == alone(server, sound, {})
        assert [one.recv(1) for one in silent] == [b""] * 20

        async def idle():
            async with connect(server.uri) as client:
                return json.loads(await client.recv())["error"]

        assert asyncio.run(idle()) == "nothing came for 0.5 s: connect again"
        until(lambda: server.live.gate.open == 0)


def test_a_message_that_is_too_long_ends_its_session(scripted, sound):
    async def run(uri):
        async with connect(uri) as client:
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await client.send(bytes(5000))
                await answers(client)
            return closed.value.rcvd.code

    with serving(scripted, message_bytes=4096) as server:
        assert asyncio.run(run(server.uri)) == 1009


def test_who_has_no_token_or_is_another_page_is_refused(scripted, sound, tmp_path):
    (tmp_path / "token").write_text("open sesame\n")

    async def run(uri):
        async with connect(uri) as client:
            told = json.loads(await client.recv())["error"]
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with connect(uri, origin="https://evil.org"):
                pass
        said = await text(f"{uri}?token=open%20sesame", sound)
        return told, refused.value.response.status_code, said

    with serving(scripted, token_file=tmp_path / "token") as server:
        told, status, said = asyncio.run(run(server.uri))
        assert said == alone(server, sound, {})
    assert (told, status) == ("the token is missing or wrong", 403)


@pytest.fixture
def no_italian(scripted, monkeypatch):
    """A model that does not know it."""

    def code(tokenizer, language):
        if language == "it":
            raise InputError("language 'it' is not known to this model")
        return language

    monkeypatch.setattr(type(scripted.engine.engine.translator.tokenizer), "language_code", code)


def test_a_client_that_sends_all_at_once_is_told_why_it_is_sent_away(scripted, sound, no_italian):
    """Its next message may come in the moment in which its session ends."""

    async def client(uri):
        async with connect(uri) as one:
            await one.send(json.dumps({"target_lang": "it"}))
            for start in range(0, len(sound), 4000):
                await one.send(sound[start : start + 4000].tobytes())
            await one.send(json.dumps({"end_of_stream": True}))
            told = [json.loads(await one.recv())["error"] for _ in range(2)]
            await one.wait_closed()
            return told[1]

    async def all_of_them(uri):
        return await asyncio.wait_for(asyncio.gather(*(client(uri) for _ in range(8))), 30)

    with serving(scripted) as server:
        told = asyncio.run(all_of_them(server.uri))
    assert told == ["language 'it' is not known to this model"] * 8


def test_a_language_asked_for_in_vain_ends_the_stream(scripted, sound, no_italian):
    async def client(uri):
        async with connect(uri) as one:
            await one.send(json.dumps({"target_lang": "it"}))
            told = [json.loads(await one.recv())["error"]]
            await one.send(sound.tobytes())
            told.append(json.loads(await one.recv())["error"])
            await one.wait_closed()
            return told, one.close_code

    with serving(scripted) as server:
        told, code = asyncio.run(client(server.uri))
    assert told == [
        "language 'it' is not known to this model (audio is refused until another is asked for)",
        "language 'it' is not known to this model",
    ]
    assert code == 1008
