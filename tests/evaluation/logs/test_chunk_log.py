"""Compute recorded chunk by chunk: in its file, and as latency by the true clock."""

import csv
import json
import math
import re
import time

import pytest

from agents.stream.chunk_record import ChunkRecord
from agents.stream.policy_scores import PolicyScores
from evaluation.configuration.evaluation_file import load_configuration
from evaluation.logs.chunk_log import CHUNK_LOG, read_chunk_log, write_chunk_log
from evaluation.logs.run_log import read_run_log
from evaluation.run.evaluate import evaluate
from foundation.errors import InputError
from tests.evaluation.tiny_evaluation import write_tiny_evaluation

RECORDS = [[ChunkRecord(500.0, 80.5, "Hello"), ChunkRecord(900.0, 10.0, " wide world")], []]


def test_records_come_back_as_they_were_written(tmp_path):
    write_chunk_log(tmp_path / CHUNK_LOG, RECORDS, start_index=7)
    assert read_chunk_log(tmp_path / CHUNK_LOG) == {7: RECORDS[0], 8: []}


def test_policy_scores_come_back_too_and_only_where_there_are_any(tmp_path):
    scores = PolicyScores(0.5, ("Hel", "lo"), (-1.0, 0.25, None), 2)
    records = [[ChunkRecord(500.0, None, "Hello", scores), ChunkRecord(900.0, 10.0, "")]]
    write_chunk_log(tmp_path / CHUNK_LOG, records, start_index=0)
    assert read_chunk_log(tmp_path / CHUNK_LOG) == {0: records[0]}
    first, second = json.loads((tmp_path / CHUNK_LOG).read_text())["chunks"]
    assert first["scores"] == {
        "limit": 0.5,
        "tokens": ["Hel", "lo"],
        "values": [-1.0, 0.25, None],
        "written": 2,
    }
    assert set(second) == {"arrival_ms", "compute_ms", "text"}


def test_logs_from_before_there_were_scores_are_read(tmp_path):
    line = {"index": 0, "chunks": [{"arrival_ms": 500.0, "compute_ms": 80.5, "text": "Hello"}]}
    (tmp_path / CHUNK_LOG).write_text(json.dumps(line))
    assert read_chunk_log(tmp_path / CHUNK_LOG) == {0: [ChunkRecord(500.0, 80.5, "Hello")]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"index": 0, "chu', "is no JSON, or cut in the middle"),
        (b"[]", "holds no JSON object"),
        (b"\xff", "is no UTF-8 text (byte 1)"),
        (b"[" * 5000, "is no JSON"),
        (b'{"chunks": []}', "is no record of chunks, which has an index and chunks"),
        (b'{"index": 3, "chunks": []}', "index 3 has occurred before"),
        (
            b'{"index": 0, "chunks": [{"arrival": 1}]}',
            "is no record of chunks (a chunk has the keys arrival)",
        ),
        (b'{"index": 0, "chunks": ["text"]}', "(a chunk must not be 'text')"),
        (
            b'{"index": 0, "chunks": [{"arrival_ms": "1", "compute_ms": 1, "text": ""}]}',
            "arrival_ms must not be '1'",
        ),
        (
            b'{"index": 0, "chunks": [{"arrival_ms": 1, "compute_ms": NaN, "text": ""}]}',
            "compute_ms must not be nan",
        ),
        (b'{"index": 0, "chunks": [{"arrival_ms": 1, "compute_ms": 1, "text": 5}]}', "text must not be 5"),
        (
            b'{"index": 0, "chunks": [{"arrival_ms": 1, "compute_ms": 1, "text": "", "scores": []}]}',
            "scores must have the keys limit, tokens, values, written",
        ),
    ],
)
def test_a_damaged_line_is_named(line, message, tmp_path):
    (tmp_path / CHUNK_LOG).write_bytes(b'{"index": 3, "chunks": []}\n' + line + b"\n")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_chunk_log(tmp_path / CHUNK_LOG)
    assert str(caught.value).startswith(f"{tmp_path / CHUNK_LOG} line 2")


def write_run(folder, prediction, delays, chunks=RECORDS[0]):
    line = {"index": 0, "prediction": prediction, "delays": delays, "elapsed": delays}
    line |= {"reference": "a b c d", "source": [], "source_length": 1000.0, "prediction_length": len(delays)}
    (folder / "instances.log").write_text(json.dumps(line) + "\n")
    write_chunk_log(folder / CHUNK_LOG, [chunks], start_index=0)
    return read_run_log(folder)


def test_true_clock_by_hand(tmp_path):
    log = write_run(tmp_path, "Hello wide world", [500.0, 900.0, 900.0])
    # Done at 500 + 80.5 and 900 + 10; four reference words in 1000 ms: 250 ms each.
    expected = (580.5 + (910 - 250) + (910 - 500)) / 3
    assert log.latency("AL_TC").tolist() == pytest.approx([expected])


def test_without_records_of_computation_there_is_no_true_clock(tmp_path):
    log = write_run(tmp_path, "Hello", [500.0], [ChunkRecord(500.0, None, "Hello")])
    assert math.isnan(log.latency("AL_TC")[0])
    (tmp_path / CHUNK_LOG).unlink()
    assert math.isnan(read_run_log(tmp_path).latency("AL_TC")[0])


def test_records_of_another_run_are_refused(tmp_path):
    log = write_run(tmp_path, "Hello world", [500.0, 900.0])
    with pytest.raises(
        InputError, match="index 0 has 2 delays, but its chunks in chunks.jsonl wrote 3 units"
    ):
        log.latency("AL_TC")


def test_an_evaluation_reports_the_true_clock_beside_simulevals(tmp_path, monkeypatch):
    """Each decision is slowed down to 60 ms, for 200 ms of audio: it overlaps with the next chunk."""
    configuration = load_configuration(write_tiny_evaluation(tmp_path), {"latency_metrics": ["AL"]})
    agent_class = configuration.agent_class
    decide = agent_class._decide

    def slow_decision(agent, states):
        started = time.perf_counter()
        step = agent.engine.step

        def slow_step(*streams_and_more, **keywords):
            decisions = step(*streams_and_more, **keywords)
            time.sleep(max(0.0, 0.06 - (time.perf_counter() - started)))
            return decisions

        monkeypatch.setattr(agent.engine, "step", slow_step)
        try:
            return decide(agent, states)
        finally:
            monkeypatch.setattr(agent.engine, "step", step)

    monkeypatch.setattr(agent_class, "_decide", slow_decision)
    evaluate(configuration)
    records = read_chunk_log(tmp_path / "result" / CHUNK_LOG)
    log = read_run_log(tmp_path / "result")
    assert sorted(records) == [0, 1, 2]
    for utterance in log.utterances:
        chunks = records[utterance.index]
        assert chunks[-1].arrival_ms == pytest.approx(utterance.source_ms)
        assert "".join(chunk.text for chunk in chunks).split() == utterance.prediction.split()
        assert all(chunk.compute_ms >= 60 for chunk in chunks)
    with open(tmp_path / "result" / "scores.tsv", newline="") as file:
        [scores] = csv.DictReader(file, delimiter="\t")
    source, true, raw = (float(scores[name]) for name in ("AL", "AL_TC", "AL_CA"))
    # Words wait for their own chunk's 60 ms; SimulEval adds those of all chunks before it as well.
    assert source + 60 <= true < raw
