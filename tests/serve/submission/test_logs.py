"""Logs that organisers take: simulstream's, beside what simulstream itself writes, and checks of both."""

import dataclasses
import json
import logging
import re
from types import SimpleNamespace

import pytest
import soundfile
import yaml

from agents.stream.chunk_record import ChunkRecord
from evaluation.configuration.evaluation_file import configure
from evaluation.logs.chunk_log import read_chunk_log
from evaluation.run.evaluate import run_simuleval
from foundation.errors import InputError
from serve.simulstream_options import SimulstreamOptions
from serve.submission.log_checks import check_logs
from serve.submission.simulstream_log import write_simulstream_log
from tests.evaluation.long_form_run import CHINESE, read_lines_of, write_long_form_run
from tests.evaluation.tiny_evaluation import ROOT

SIMULSTREAM = dataclasses.asdict(SimulstreamOptions())

CLIPS = ROOT / "eval_configs" / "quickstart_de" / "audio"
NAMES = {0: "a.wav", 1: "b.wav"}


def test_a_decision_is_a_line(tmp_path):
    decisions = {
        3: [
            ChunkRecord(250.0, 12.5, ""),
            ChunkRecord(500.0, 20.0, " Ein Haus"),
            ChunkRecord(620.0, 4.0, ", rot. "),
        ]
    }
    write_simulstream_log(tmp_path / "log", {3: "talk.wav"}, decisions)
    assert read_lines_of(tmp_path / "log") == [
        {"id": 3, "metadata": {"wav_name": "talk.wav"}},
        {
            "id": 3,
            "total_audio_processed": 0.25,
            "computation_time": 0.0125,
            "generated_tokens": [],
            "deleted_tokens": [],
        },
        {
            "id": 3,
            "total_audio_processed": 0.5,
            "computation_time": 0.02,
            "generated_tokens": ["Ein", " Haus"],
            "deleted_tokens": [],
        },
        {
            "id": 3,
            "total_audio_processed": 0.62,
            "computation_time": 0.004,
            "generated_tokens": [",", " rot. "],
            "deleted_tokens": [],
        },
    ]


def test_computation_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(InputError, match="computation of talk.wav is not known, .* use the engine simuleval"):
        write_simulstream_log(tmp_path / "log", {0: "talk.wav"}, {0: [ChunkRecord(250.0, None, "")]})
    with pytest.raises(InputError, match="nothing is known of talk.wav"):
        write_simulstream_log(tmp_path / "log", {0: "talk.wav"}, {})
    assert list(tmp_path.iterdir()) == []


def test_the_log_is_the_one_that_simulstream_writes(agent, tmp_path):
    """The same lines for a clip of 17.9 chunks. simulstream's own first line says how long loading took."""
    pytest.importorskip("simulstream", reason="simulstream is not installed: pip install -e '.[serve]'")
    from simulstream.inference import run_inference
    from simulstream.metrics.logger import METRICS_LOGGER, setup_metrics_logger
    from simulstream.server.speech_processors import build_speech_processor

    from tests.serve.conftest import VALUES

    samples, rate = soundfile.read(CLIPS / "caption_1.flac", dtype="int16")
    wav = tmp_path / "talk.wav"
    soundfile.write(wav, samples, rate)
    (tmp_path / "source.txt").write_text(f"{wav}\n", encoding="utf-8")
    (tmp_path / "target.txt").write_text("x\n", encoding="utf-8")
    files = {"source": str(tmp_path / "source.txt"), "target": str(tmp_path / "target.txt")}
    run_simuleval(configure({**VALUES, **files}, "test"), tmp_path)
    write_simulstream_log(tmp_path / "ours", {0: str(wav)}, read_chunk_log(tmp_path / "chunks.jsonl"))

    setup_metrics_logger(SimpleNamespace(enabled=True, filename=str(tmp_path / "theirs")))
    METRICS_LOGGER.setLevel(logging.INFO)
    run_inference(build_speech_processor(SimpleNamespace(**SIMULSTREAM, **VALUES)), [str(wav)], "de", "en")
    METRICS_LOGGER.handlers.clear()

    ours, theirs = read_lines_of(tmp_path / "ours"), read_lines_of(tmp_path / "theirs")
    assert [list(line) for line in ours] == [list(line) for line in theirs]
    for line in (*ours[1:], *theirs[1:]):
        assert 0 < line.pop("computation_time") < 60
        line["total_audio_processed"] = round(line["total_audio_processed"], 6)
    assert ours == theirs
    assert ours[-1]["total_audio_processed"] == 4.475 and len(ours) == 19


@pytest.fixture
def processor(tmp_path):
    file = tmp_path / "processor.yaml"
    file.write_text(yaml.safe_dump(SIMULSTREAM), encoding="utf-8")
    return file


def made_up_run(folder, *arguments, **keys):
    configuration = write_long_form_run(folder, *arguments, **keys)
    write_simulstream_log(folder / "simulstream.jsonl", NAMES, read_chunk_log(folder / "chunks.jsonl"))
    return configuration


def states(folder, configuration, processor):
    return {item.what.partition(": ")[2]: item for item in check_logs(folder, configuration, processor)}


@pytest.mark.parametrize(
    "arguments, keys",
    [((0,), {"target_language": "de"}), ((2, CHINESE), {"target_language": "zh"})],
    ids=["words", "characters"],
)
def test_both_logs_say_the_same(tmp_path, processor, arguments, keys):
    pytest.importorskip("simulstream", reason="simulstream is not installed: pip install -e '.[serve]'")
    configuration = made_up_run(tmp_path / "en-xx", *arguments, **keys)
    found = states(tmp_path / "en-xx", configuration, processor)
    assert [item.state for item in found.values()] == ["done"] * 3
    assert found["recordings"].text == "all 2 were run, and each has text"
    unit = configuration.evaluation.eval_latency_unit
    assert f"the same {unit}s and times, read by OmniSTEval 0." in found["simulstream's log"].text


def changed(file, change) -> None:
    lines = read_lines_of(file)
    change(lines)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def test_without_simulstream_its_log_cannot_be_checked(tmp_path, processor, monkeypatch):
    monkeypatch.setattr("serve.submission.log_checks.find_spec", lambda name: None)
    configuration = made_up_run(tmp_path / "run")
    found = states(tmp_path / "run", configuration, processor)
    assert found["simulstream's log"].state == "missing"
    assert "pip install -e '.[serve]'" in found["simulstream's log"].text


def test_a_log_with_too_few_delays_is_missing(tmp_path, processor):
    configuration = made_up_run(tmp_path / "run")
    changed(tmp_path / "run" / "instances.log", lambda lines: lines[1]["delays"].pop())
    [item] = states(tmp_path / "run", configuration, processor).values()
    assert item.state == "missing" and "refuses it: Number of units and delays do not match" in item.text


def test_a_log_that_lacks_a_recording_is_missing(tmp_path, processor):
    configuration = made_up_run(tmp_path / "run")
    changed(tmp_path / "run" / "instances.log", lambda lines: lines.pop())
    [item] = states(tmp_path / "run", configuration, processor).values()
    assert item.state == "missing" and "Number of hypotheses (1) does not match" in item.text


def test_a_recording_without_text_is_missing(tmp_path, processor):
    configuration = made_up_run(tmp_path / "run")
    changed(
        tmp_path / "run" / "instances.log",
        lambda lines: lines[0].update(prediction="", delays=[], elapsed=[], prediction_length=0),
    )
    found = states(tmp_path / "run", configuration, processor)
    assert found["recordings"].state == "missing"
    assert found["recordings"].text == "nothing was written for 1 of 2: a"


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda line: line.update(generated_tokens=[" nothing"]), r"a has \d+ words, not \d+"),
        (lambda line: line["generated_tokens"].__setitem__(0, " other"), r"word \d+ of a is 'other', not '"),
        (
            lambda line: line.update(total_audio_processed=0.1),
            r"word \d+ of a, '.*', was written at 100 ms, not",
        ),
    ],
    ids=["words lost", "another word", "another time"],
)
def test_logs_that_differ_are_missing(tmp_path, processor, change, message):
    pytest.importorskip("simulstream", reason="simulstream is not installed: pip install -e '.[serve]'")
    configuration = made_up_run(tmp_path / "run")
    # The second line of the first recording that wrote something: three words.
    changed(tmp_path / "run" / "simulstream.jsonl", lambda lines: change(lines[2]))
    item = states(tmp_path / "run", configuration, processor)["simulstream's log"]
    assert item.state == "missing"
    assert item.text.startswith("simulstream.jsonl is not what instances.log says: ")
    assert re.search(message, item.text), item.text
