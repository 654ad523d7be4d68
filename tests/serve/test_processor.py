"""The processor that simulstream loads: its file, its places in a pool, what it hands out."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from tests.serve.conftest import VALUES

pytest.importorskip("simulstream", reason="simulstream is not installed: pip install -e '.[serve]'")

from simulstream.config import yaml_config
from simulstream.server.speech_processors import build_speech_processor
from simulstream.server.speech_processors.incremental_output import merge_incremental_outputs

from foundation.errors import InputError
from serve.live_stream import LiveStream
from serve.processor import StreamingProcessor
from serve.simulstream_options import CLASS
from tests.evaluation.tiny_evaluation import ROOT


def configuration(**changes) -> SimpleNamespace:
    return SimpleNamespace(**{"type": CLASS, **VALUES, **changes})


@pytest.fixture
def processor(agent) -> StreamingProcessor:
    return build_speech_processor(configuration())


def test_all_places_share_one_model(agent):
    places = [build_speech_processor(configuration()) for _ in range(3)]
    assert all(place._agent is agent for place in places)
    assert len({id(place._stream) for place in places}) == 3


def test_loading_is_told_before_it_begins_and_how_long_it_took(caplog):
    with caplog.at_level("INFO", "serve.served_agent"):
        build_speech_processor(configuration(beam=1, patience=1.0))
    before, after = caplog.messages
    assert before == "loading reina-mini for the agent reina ..."
    assert after.startswith("loaded reina-mini in ") and after.endswith(" s")


def test_all_options_of_the_agent_reach_the_engine():
    changes = {"history": "pauses", "beam": 2, "pause_ms": 400, "trailing_silence_ms": 0, "threshold": -1.5}
    processor = build_speech_processor(configuration(**changes))
    engine, policy = processor._agent.engine.engine, processor._agent.policy
    assert (engine.history.options.history, engine.search.options.beam, engine.speech.pause_ms) == (
        "pauses",
        2,
        400,
    )
    assert (policy.threshold, processor._agent.chunk_ms) == (-1.5, 250)


def test_the_shipped_file_is_that_of_the_agent(agent):
    config = yaml_config(str(ROOT / "serve" / "configs" / "reina.yaml"))
    processor = build_speech_processor(config)
    assert processor._agent is agent
    assert processor.speech_chunk_size == 0.25


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chunck_ms": 250}, "there is no option 'chunck_ms': did you mean 'chunk_ms'?"),
        (
            {"agent": "rena"},
            "there is no agent 'rena': did you mean 'reina'?; or give the path of an agent file (.py)",
        ),
        ({"agent": None}, "agent is missing: name one of agents/, or give the path of an agent file (.py)"),
        ({"beam": 2.5}, "beam must be a whole number, got 2.5 (a number)"),
        ({"beam": 0}, "beam must be at least 1, got 0"),
        (
            {"beam": SimpleNamespace(of=3)},
            "beam must be a whole number, got namespace(of=3) (SimpleNamespace)",
        ),
        ({"latency_unit": "word"}, "latency_unit must be one of char, got 'word'"),
        ({"speech_chunk_size": 0.5}, "the agent's chunk_ms, in ms, takes the place of speech_chunk_size"),
        ({"source": "list.txt"}, "there is no option 'source': `simulst options` lists them all"),
    ],
)
def test_a_file_that_cannot_be_right_ends_the_server_with_one_line(changes, message):
    config = configuration(**changes)
    with pytest.raises(SystemExit) as caught:
        StreamingProcessor.load_model(config)
    assert caught.value.code == f"error: the speech processor's file: {message}"
    with pytest.raises(InputError):
        StreamingProcessor(config)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_language": "it"}, "error: language 'it' is not known to this model"),
        (
            {"agent": "digsst", "target_language": "de"},
            "error: the model's policy network was trained for 'gain'",
        ),
        ({"model": "no/such-folder"}, "error: "),
    ],
)
def test_what_the_model_cannot_do_is_said_before_any_client_comes(changes, message):
    with pytest.raises(SystemExit) as caught:
        StreamingProcessor.load_model(configuration(**changes))
    assert str(caught.value.code).startswith(message) and "\n" not in caught.value.code


@pytest.mark.parametrize("chunk_ms", [1, 250, 299, 1001, 2030, 16_150, 3_600_000])
def test_a_chunk_is_one_for_simulstream(processor, chunk_ms):
    """Of 1001 ms it would cut a sample too few, and wait for as many again."""
    processor._agent = SimpleNamespace(chunk_ms=chunk_ms)
    samples = int(16_000 * processor.speech_chunk_size)
    assert samples / 16_000 >= processor.speech_chunk_size
    assert 16 * chunk_ms - 1 <= samples <= 16 * chunk_ms


def test_tokens_are_words_with_their_spaces(processor, captions):
    samples = captions["caption_1"] / np.float32(2**15)
    outputs = [processor.process_chunk(samples[start : start + 4000]) for start in range(0, 71_600, 4000)]
    outputs.append(processor.end_of_stream())
    assert all(processor.tokens_to_string(output.new_tokens) == output.new_string for output in outputs)
    assert {(*output.deleted_tokens, output.deleted_string) for output in outputs} == {("",)}
    merged = merge_incremental_outputs(outputs, processor.tokens_to_string)
    assert merged.new_string == "".join(output.new_string for output in outputs)
    assert merged.new_tokens[:4] == ["Eine", " Frau", " in", " einem"]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("Ja.", ["Ja."]),
        (" in  zwei ", [" in", "  zwei "]),
        ("你好 Ada", ["你好", " Ada"]),
        ("\n", ["\n"]),
    ],
)
def test_tokens_leave_nothing_out(processor, monkeypatch, text, tokens):
    monkeypatch.setattr(LiveStream, "end", lambda self: text)
    assert processor.end_of_stream().new_tokens == tokens


def test_clearing_forgets_languages_audio_and_errors(processor, captions, written):
    samples = captions["caption_1"] / np.float32(2**15)
    processor.set_target_language("fr")
    processor.process_chunk(samples[:32_000])
    with pytest.raises(InputError):
        processor.process_chunk(np.array([np.nan], np.float32))
    processor.clear()
    words = []
    for start in range(0, len(samples), 4000):
        words += processor.process_chunk(samples[start : start + 4000]).new_string.split()
    words += processor.end_of_stream().new_string.split()
    assert words == written(captions["caption_1"]).words
    with pytest.raises(InputError, match="has ended"):
        processor.process_chunk(samples[:4000])
    processor.clear()
    assert processor.process_chunk(samples[:4000]).new_tokens == []


def test_clearing_waits_for_no_step(processor, agent, captions, written, monkeypatch):
    """The HTTP server clears the place of an idle session while it holds up all others."""
    step, begun, go_on = agent.engine.engine.step, threading.Event(), threading.Event()

    def slow_step(streams):
        begun.set()
        assert go_on.wait(10)
        return step(streams)

    monkeypatch.setattr(agent.engine.engine, "step", slow_step)
    samples = captions["caption_2"] / np.float32(2**15)
    asking = threading.Thread(target=processor.process_chunk, args=[samples])
    asking.start()
    assert begun.wait(10)
    processor.clear()
    go_on.set()
    asking.join(10)
    text = processor.process_chunk(samples).new_string + processor.end_of_stream().new_string
    assert text.split() == written(captions["caption_2"], 4000).words
