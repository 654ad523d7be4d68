"""Sweeps, comparisons, NoSE and calibration over long recordings: segments are what is resampled."""

import base64
import gzip
import json

import numpy as np
import pytest
import soundfile

from evaluation.logs.segment_log import SEGMENT_LOG, read_segment_log
from evaluation.metrics.significance import Resampling, mean
from evaluation.report.data import sweep_data
from evaluation.report.report import MAXIMUM_SIZE
from evaluation.report.scores import SweepScores
from evaluation.run.rescore import rescore
from evaluation.sweeps.finished_sweep import read_sweep
from simulst import main
from tests.evaluation.long_form_run import write_long_form_run
from tests.evaluation.run_logs import write_run
from tests.evaluation.tiny_evaluation import write_tiny_evaluation
from tests.evaluation.tiny_sweep import write_tiny_sweep

TALKS = "wav\toffset\tduration\n0.wav\t0.1\t1.4\n0.wav\t1.6\t1.2\n1.wav\t0.1\t1.8\n1.wav\t2.0\t0.9\n"
SYSTEMS = """\
systems:
  wait-k: {agent: waitk, step_ms: 100, knob: k, settings: [1, 3]}
  holdn: {settings: [{held_tokens: 1}, {held_tokens: 3}]}
"""


def unpacked(text):
    return json.loads(gzip.decompress(base64.b64decode(text)))


def run_of(folder, seed, lag_ms):
    """A made-up run that is scored."""
    write_long_form_run(folder, seed, lag_ms=lag_ms)
    rescore(folder, {})
    return folder


def test_compare_resamples_segments(tmp_path, capsys):
    first, second = run_of(tmp_path / "a", 0, 600.0), run_of(tmp_path / "b", 1, 1400.0)
    assert main(["compare", str(first), str(second), "--resamples", "200"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    rows = {words[0]: words for words in lines if words}
    assert list(rows)[1:5] == ["BLEU", "chrF", "LongYAAL_s", "StreamLAAL_s"]
    for run, column in ((first, 1), (second, 4)):
        log = read_segment_log(run / SEGMENT_LOG)
        latency = mean(log.latency("LongYAAL")) / 1000
        assert float(rows["LongYAAL_s"][column]) == pytest.approx(latency, abs=1e-3)
    assert float(rows["LongYAAL_s"][1]) < float(rows["LongYAAL_s"][4])
    assert lines[-1] == ["6", "segments,", "200", "resamples,", "seed", "0"]


def test_compare_takes_the_true_clock_and_refuses_metrics_of_utterances(tmp_path, capsys):
    run = run_of(tmp_path / "a", 0, 600.0)
    flags = ["--resamples", "200", "--latency-metrics"]
    assert main(["compare", str(run), str(run), *flags, "LongYAAL_TC"]) == 0
    assert "LongYAAL_TC_s" in capsys.readouterr().out
    assert main(["compare", str(run), str(run), *flags, "AL"]) == 1
    assert "have no latency metric 'AL': give LongYAAL, StreamLAAL" in capsys.readouterr().err


def test_runs_of_utterances_and_of_long_recordings_do_not_compare(tmp_path, capsys):
    short, long = write_run(tmp_path / "short", 500, 0.3), run_of(tmp_path / "long", 0, 600.0)
    assert main(["compare", str(short), str(long)]) == 1
    assert "one is of long recordings with segments" in capsys.readouterr().err
    assert main(["compare", str(short), str(short), "--latency-metrics", "LongYAAL"]) == 1
    assert "LongYAAL is of long recordings: run it with their segments" in capsys.readouterr().err


def test_a_run_that_was_not_scored_says_how_to(tmp_path, capsys):
    write_long_form_run(tmp_path / "a")
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "a")]) == 1
    assert f"make it by `simulst evaluate --rescore {tmp_path}/a`" in capsys.readouterr().err


@pytest.fixture(scope="module")
def talks(tmp_path_factory):
    """A folder with sounds, segments and references, and a model."""
    folder = tmp_path_factory.mktemp("talks")
    write_tiny_evaluation(folder)
    for index in range(2):
        noise = np.random.default_rng(index).normal(0, 0.1, 48_000)
        soundfile.write(folder / f"{index}.wav", noise.astype(np.float32), 16_000)
    (folder / "talks.tsv").write_text(TALKS)
    return folder


@pytest.fixture(scope="module")
def long_sweep(talks):
    """The folder of a finished sweep over two recordings with four segments."""
    keys = {"segments": talks / "talks.tsv", "latency_metrics": "[LongYAAL, StreamLAAL]"}
    file = write_tiny_sweep(talks, SYSTEMS, **keys)
    (talks / "target.txt").write_text("the cat\nsat on it\na man is walking\nhello world!\n")
    text = "".join(line for line in file.read_text().splitlines(True) if not line.startswith("source:"))
    file.write_text(text)
    assert main(["sweep", str(file), "--output", str(talks / "sweep")]) == 0
    return talks / "sweep"


def test_a_sweep_has_points_over_longyaal(long_sweep):
    points = json.loads((long_sweep / "points.json").read_text())
    assert points["latency"] == ["LongYAAL", "StreamLAAL"]
    settings = {point["setting"] for point in points["points"] if point["system"] == "wait-k"}
    assert settings == {"k=1", "k=3"}
    assert {point["sentences"] for point in points["points"]} == {4}
    for point in points["points"]:
        log = read_segment_log(long_sweep / point["folder"] / SEGMENT_LOG)
        assert point["scores"]["StreamLAAL"]["value"] == pytest.approx(
            mean(log.latency("StreamLAAL")) / 1000, abs=1e-4
        )
    assert "4 segments" in (long_sweep / "report.html").read_text()


def test_the_page_opens_recordings_and_shows_their_segments(long_sweep):
    [sweep] = read_sweep(long_sweep)
    data = sweep_data(SweepScores(sweep, Resampling(4)), MAXIMUM_SIZE)
    assert (data["sentences"], len(data["packets"]), data["audio_ms"]) == (2, 2, 6000)
    index = unpacked(data["index"])
    assert index["reference"] == ["the cat sat on it", "a man is walking hello world!"]
    log = sweep.logs[0]
    recordings = [mean(log.latency("StreamLAAL")[at : at + 2]) for at in (0, 2)]
    assert index["latency"]["StreamLAAL"][0] == pytest.approx(recordings, abs=1e-3)
    packet = unpacked(data["packets"][1])
    assert packet["segments"] == [[100.0, 1800.0, "a man is walking"], [2000.0, 900.0, "hello world!"]]
    assert all(run["metric"] == "chrF" and len(run["segments"]) == 2 for run in packet["runs"])


def test_nose_is_over_a_latency_of_long_recordings(long_sweep, capsys):
    words = ["nose", str(long_sweep), "--systems", "wait-k", "--resamples", "0"]
    assert main(words) == 0
    assert "|latency:LongYAAL|unit:s|" in capsys.readouterr().out
    assert main([*words, "--latency-metric", "StreamLAAL"]) == 0
    assert "|latency:StreamLAAL|unit:s|" in capsys.readouterr().out


def test_calibrate_goes_by_longyaal_of_segments(long_sweep, talks, capsys):
    file = talks / "calibrate.yaml"
    file.write_text(
        f"agent: waitk\nstep_ms: 200\nmodel: {talks}/model\nsegments: {talks}/talks.tsv\nchunk_ms: 100\n"
        f"target: {talks}/target.txt\ndecode_silence: true\n"
    )
    assert main(["calibrate", str(file), "--spread", "2", "--range", "1", "3"]) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[0].split()[:2] == ["k", "LongYAAL_s"] and "4 segments, " in told
    assert main(["calibrate", str(file), "--target", "1", "--latency", "AL"]) == 1
    assert "give --latency LongYAAL or StreamLAAL" in capsys.readouterr().err
