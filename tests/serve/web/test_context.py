"""A client's own context of names and terms."""

import asyncio
import json

import numpy as np
import pytest

from agents.engine import StreamingEngine
from agents.holdn_agent import HoldNPolicy
from models.decoding.options import SearchOptions
from models.languages import LanguagePair
from models.registry import load_translator
from models.translator import TranslatorOptions
from serve.served_agent import ServedAgent
from serve.shared_engine import SharedEngine
from tests.models.tiny_whisper import write_tiny_whisper
from tests.serve.web.conftest import answers, connect, serving, speak, text_of

CONTEXT = "the cat\nthe dog near the door"


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    folder = write_tiny_whisper(tmp_path_factory.mktemp("models") / "tiny")
    translator = load_translator(str(folder), TranslatorOptions())
    together = SharedEngine(StreamingEngine(translator, SearchOptions()))
    agent = ServedAgent(together, HoldNPolicy(2), LanguagePair("es", "en"), 500)
    with serving(agent) as server:
        yield server
    together.close()


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).normal(0, 3000, 24_000).astype(np.int16)


def expected(server, samples, context):
    """What the engine writes for a stream with this context."""
    agent = server.live.agent
    stream = agent.open_stream(agent.languages, HoldNPolicy(4), agent.glossary(context))
    said = ""
    for start in range(0, len(samples), 8000):
        stream.audio.append(samples[start : start + 8000], 16_000)
        said += agent.engine.step(stream).text
    stream.audio.append([], None, finished=True)
    return (said + agent.engine.step(stream).text).lstrip()


def test_a_context_is_of_one_stream(whisper, noise):
    async def three():
        async with connect(whisper.uri) as client:
            settings = ({"context": CONTEXT}, {}, {"context": ""})
            return [text_of(await speak(client, noise, {"policy": "holdn", **one})) for one in settings]

    with_context, *without = asyncio.run(three())
    assert with_context == expected(whisper, noise, CONTEXT)
    assert without == [expected(whisper, noise, "")] * 2
    assert with_context != without[0]


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ("the cat " * 300, "the model's prompt has room for 223: shorten it (ignored)"),
        ("x" * 4001, "context has 4001 characters, and 4000 may be sent: shorten it (ignored)"),
        (["the cat"], "context"),
    ],
)
def test_a_context_that_is_too_long_is_refused_and_the_stream_goes_on(whisper, noise, context, message):
    async def one():
        async with connect(whisper.uri) as client:
            return await speak(client, noise, {"policy": "holdn", "context": context})

    told = asyncio.run(one())
    assert message in told[0]["error"]
    assert told[-1]["end_of_processing"]


def test_in_mid_stream_it_is_too_late(whisper, noise):
    async def one():
        async with connect(whisper.uri) as client:
            await client.send(noise[:8000].tobytes())
            await client.send(json.dumps({"context": CONTEXT}))
            await client.send(json.dumps({"end_of_stream": True}))
            return await answers(client)

    assert any(
        "a stream keeps the context that it began with" in one.get("error", "") for one in asyncio.run(one())
    )


def test_of_a_message_that_is_refused_the_context_is_ignored_too(whisper, noise):
    async def one():
        async with connect(whisper.uri) as client:
            await client.send(json.dumps({"context": CONTEXT, "policy": "alinatt"}))
            return await speak(client, noise, {"policy": "holdn"})

    told = asyncio.run(one())
    assert told[0]["error"] == "there is no policy 'alinatt': did you mean 'alignatt'? (ignored)"
    assert text_of(told) == expected(whisper, noise, "")
