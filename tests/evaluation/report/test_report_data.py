"""What goes into a report, before any browser sees it."""

import base64
import gzip
import json

import pytest

from agents.stream.chunk_record import ChunkRecord
from agents.stream.policy_scores import PolicyScores
from evaluation.logs.run_log import Utterance
from evaluation.metrics.significance import Resampling
from evaluation.report.data import sweep_data
from evaluation.report.recordings import RecordingOfRun
from evaluation.report.scores import SweepScores
from evaluation.report.utterances import packed_utterance
from evaluation.sweeps.finished_sweep import read_sweep
from tests.evaluation.made_up_sweep import log_of, write_sweep


def unpacked(text: str):
    return json.loads(gzip.decompress(base64.b64decode(text)))


def utterance(**changes) -> Utterance:
    fields = {"index": 3, "prediction": "", "reference": "", "delays": (), "elapsed": (), "source_ms": 900.0}
    return Utterance(**(fields | changes))


def test_runs_with_the_same_chunks_share_their_times():
    first = [ChunkRecord(400.0, 12.4, " a b"), ChunkRecord(900.0, 8.0, "")]
    second = [ChunkRecord(400.0, None, ""), ChunkRecord(900.0, None, " a")]
    runs = [RecordingOfRun(chunks) for chunks in (first, second, [])]
    packet = unpacked(packed_utterance(utterance(source="a.wav"), runs, "word", None))
    assert packet == {
        "source": "a.wav",
        "link": None,
        "bar_ms": 60,
        "loudness": "",
        "grids": [[400.0, 900.0], []],
        "runs": [
            {"grid": 0, "written": [[0, " a b"]], "compute": [12, 8]},
            {"grid": 0, "written": [[1, " a"]]},
            {"grid": 1, "written": []},
        ],
    }


def test_scores_stand_with_the_chunk_that_they_belong_to():
    scores = PolicyScores(0.5, ("a",), (-1.23456, None), 1)
    chunks = [ChunkRecord(400.0, None, ""), ChunkRecord(900.0, None, " a", scores)]
    packet = unpacked(packed_utterance(utterance(), [RecordingOfRun(chunks)], "word", None))
    assert packet["runs"][0]["scores"] == [[1, 1, 0.5, ["a"], [-1.235, None]]]


def test_scores_come_from_the_logs_and_from_scores_tsv(tmp_path):
    folder = write_sweep(tmp_path)
    for run in folder.glob("runs/*/*"):
        configuration = {"quality_metrics": ["EMPTY", "BLEU"], "latency_metrics": ["LAAL", "AP", "NoSE"]}
        (run / "evaluation.yaml").write_text(json.dumps(configuration))
        (run / "scores.tsv").write_text("setting\tEMPTY\tLAAL\tLAAL_TC\nx\t3\t1\t1700.25\n")
    [sweep] = read_sweep(folder)
    scores = SweepScores(sweep, Resampling(40, 100))
    assert scores.quality == ["EMPTY", "BLEU"]
    assert scores.latency == ["LAAL", "LAAL_CA", "LAAL_TC", "AP", "AP_CA"]
    assert scores.milliseconds == ["LAAL", "LAAL_CA", "LAAL_TC"]
    log = log_of(folder, "reina/threshold=0.5")
    found = scores.of_run(log)
    assert found["EMPTY"] == (3.0, None, None)
    value, low, high = found["LAAL"]
    assert value == pytest.approx(log.latency("LAAL").mean(), abs=1e-4)
    assert low < value < high
    # Every chunk took 50 ms, and none waited for the one before it.
    assert found["LAAL_TC"] == pytest.approx((value + 50, low + 50, high + 50), abs=1e-3)


def test_a_score_by_the_true_clock_is_taken_as_it_stands_where_computation_is_not_known(tmp_path):
    folder = write_sweep(tmp_path)
    run = folder / "runs/reina/threshold=0.5"
    (run / "scores.tsv").write_text("setting\tAL_TC\nx\t1700.25\n")
    (run / "chunks.jsonl").unlink()
    [sweep] = read_sweep(folder)
    scores = SweepScores(sweep, Resampling(40, 100))
    assert scores.of_run(log_of(folder, "reina/threshold=0.5"))["AL_TC"] == (1700.25, None, None)


def test_simulevals_clock_is_left_out_where_nothing_was_timed(tmp_path):
    folder = write_sweep(tmp_path)
    for log in folder.glob("runs/*/*/instances.log"):
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        log.write_text("".join(json.dumps(line | {"elapsed": line["delays"]}) + "\n" for line in lines))
    [sweep] = read_sweep(folder)
    assert SweepScores(sweep, Resampling(40, 100)).latency == ["AL"]


def test_systems_without_a_curve_are_left_out_of_nose_and_named(tmp_path):
    systems = {"a": {"k=1": (600, 0.3), "k=3": (1100, 0.2)}, "b": {"k=1": (700, 0.3)}}
    [sweep] = read_sweep(write_sweep(tmp_path, systems))
    scores = SweepScores(sweep, Resampling(40, 100))
    shown = sweep_data(scores, 1)["nose"]
    assert [row["system"] for row in shown["rows"]] == [0]
    assert shown["problems"] == ["a curve needs at least 2 points, b has 1"]
    assert list(scores.nose.curves) == [0]
