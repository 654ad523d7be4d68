"""simulstream's own programs over our processor: same words and times as our SimulEval agent."""

import asyncio
import logging
from argparse import Namespace
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

pytest.importorskip("simulstream", reason="simulstream is not installed: pip install -e '.[serve]'")

from omnisteval.data import load_hypothesis_simulstream
from simulstream.client import wav_reader_client
from simulstream.config import yaml_config
from simulstream.inference import run_inference
from simulstream.metrics.logger import METRICS_LOGGER, setup_metrics_logger
from simulstream.metrics.readers import LogReader
from simulstream.server.speech_processors import build_speech_processor

from tests.agents.simuleval_run import run_simuleval
from tests.evaluation.tiny_evaluation import ROOT
from tests.serve.conftest import VALUES, Written
from tests.serve.simulstream_servers import (
    CLASS,
    http_serving,
    processor_file,
    proxy_file,
    translate,
    websocket_serving,
)

# What tells simulstream's metrics how to join our tokens.
EVALUATION = ROOT / "serve" / "configs" / "reina.yaml"
JOINED = SimpleNamespace(detokenizer_type="simuleval", latency_unit="char")


@pytest.fixture(autouse=True)
def metrics_are_logged():
    """As in simulstream's programs, which let all of `logging` show INFO."""
    METRICS_LOGGER.setLevel(logging.INFO)
    yield
    METRICS_LOGGER.handlers.clear()


def logged(log) -> dict[str, Written]:
    """Words and times of each clip, as simulstream's metrics read them; it adds chunks up to 2.9999999."""
    outputs = LogReader(JOINED, str(log)).final_outputs_and_latencies()
    return {
        name: Written(one.final_text.split(), [round(at_s, 6) for at_s in one.ideal_delays])
        for name, one in outputs.items()
    }


def test_inference_writes_the_log_of_our_agent(agent, captions, wavs, written, tmp_path):
    log = tmp_path / "metrics.jsonl"
    setup_metrics_logger(SimpleNamespace(enabled=True, filename=str(log)))
    processor = build_speech_processor(SimpleNamespace(type=CLASS, **VALUES))
    run_inference(processor, wavs, "de", "en")
    expected = {name: written(samples) for name, samples in captions.items()}
    assert logged(log) == expected
    found = load_hypothesis_simulstream(str(log), str(EVALUATION), False, [*captions])
    for words, one in zip(found, expected.values(), strict=True):
        assert [word.text for word in words] == one.words
        assert [word.emission_cu for word in words] == [1000 * at_s for at_s in one.times_s]
        assert all(word.emission_ca > word.emission_cu for word in words)


def test_a_client_of_simulstream_gets_the_text_of_our_agent(agent, captions, wavs, written, tmp_path):
    """Its client sends the last piece of each file twice."""
    log = tmp_path / "metrics.jsonl"
    with websocket_serving(processor_file(tmp_path), log) as uri:
        lists = tmp_path / "wavs.txt"
        lists.write_text("\n".join(wavs), encoding="utf-8")
        args = Namespace(
            uri=uri, wav_list_file=str(lists), chunk_duration_ms=100, tgt_lang="de", src_lang="en"
        )
        asyncio.run(wav_reader_client.main(args))
    for name, samples in captions.items():
        last = samples[(len(samples) - 1) // 1600 * 1600 :]
        assert logged(log)[name] == written(np.concatenate([samples, last]), 100)


def test_clients_of_several_languages_at_once(agent, captions, written, tmp_path):
    log = tmp_path / "metrics.jsonl"
    clip = captions["caption_1"]

    async def clients(uri):
        wanted = [("de", "german"), ("fr", "french"), (None, "as_configured")]
        return await asyncio.gather(*(translate(uri, clip, target, wav=wav) for target, wav in wanted))

    with websocket_serving(processor_file(tmp_path), log) as uri:
        texts = asyncio.run(clients(uri))
    german, french = written(clip), written(clip, target="fr")
    assert texts == [" ".join(one.words) for one in (german, french, german)]
    assert logged(log) == {"german": german, "french": french, "as_configured": german}


def test_the_proxy_hands_through_what_the_http_server_finds(agent, captions, wavs, written, tmp_path):
    """What a container serves: HTTP processors, behind the proxy in simulstream's own programs."""
    log = tmp_path / "metrics.jsonl"
    with http_serving(processor_file(tmp_path)) as port:
        setup_metrics_logger(SimpleNamespace(enabled=True, filename=str(log)))
        proxy = build_speech_processor(yaml_config(str(proxy_file(tmp_path, port))))
        run_inference(proxy, wavs, "fr", "en")
    assert logged(log) == {name: written(samples, target="fr") for name, samples in captions.items()}


def test_a_websocket_server_over_the_proxy(agent, captions, written, tmp_path):
    clip = captions["caption_2"]
    log = tmp_path / "metrics.jsonl"
    with http_serving(processor_file(tmp_path)) as port:
        with websocket_serving(proxy_file(tmp_path, port), log, places=2) as uri:
            text = asyncio.run(translate(uri, clip, "de"))
    assert text == " ".join(written(clip).words)
    assert logged(log) == {"clip": written(clip)}


def test_real_whisper_hears_as_in_simuleval(whisper_folder, tmp_path, monkeypatch):
    """tiny.en with AlignAtt, over a segment of human speech."""
    model = whisper_folder("tiny.en")
    clip = ROOT / "eval_configs" / "quickstart" / "audio" / "bass_5_0001.flac"
    samples = soundfile.read(clip, dtype="int16")[0]
    samples = samples[: len(samples) // 16_000 * 16_000 - 4000]  # no whole number of chunks
    wav = tmp_path / "bass.wav"
    soundfile.write(wav, samples, 16_000, subtype="PCM_16")
    for name, text in (("source.txt", f"{wav}\n"), ("target.txt", "reference\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    options = {"chunk_ms": 1000, "decode_silence": True, "recent_frames": 14}
    [line] = run_simuleval(
        monkeypatch,
        tmp_path / "simuleval",
        *("--agent", ROOT / "agents" / "alignatt_agent.py", "--model", model),
        *("--source", tmp_path / "source.txt", "--target", tmp_path / "target.txt"),
        *("--chunk-ms", 1000, "--recent-frames", 14),
    )
    log = tmp_path / "metrics.jsonl"
    setup_metrics_logger(SimpleNamespace(enabled=True, filename=str(log)))
    values = {"type": CLASS, "agent": "alignatt", "model": str(model), **options}
    run_inference(build_speech_processor(SimpleNamespace(**values)), [str(wav)])
    found = logged(log)["bass"]
    assert found.words == line["prediction"].split() and len(found.words) > 10
    assert [1000 * at_s for at_s in found.times_s] == line["delays"]
