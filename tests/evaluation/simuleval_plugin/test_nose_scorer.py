"""NoSE as a scorer of SimulEval, from its own command and from simulst evaluate."""

import json
import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from simuleval import cli

import evaluation.simuleval_plugin  # noqa: F401  registers NoSE
import simulst
from evaluation.logs.run_log import read_run_log
from evaluation.metrics.curve import Curve, OperatingPoint
from evaluation.metrics.nose import nose
from evaluation.metrics.quality_statistics import quality_statistics
from tests.evaluation.run_logs import line, write_log, write_run
from tests.evaluation.tiny_evaluation import ROOT, write_tiny_evaluation

SCORE_ONLY = "--score-only --quality-metrics BLEU --latency-metrics AL LAAL NoSE --output".split()
LAGS = (400, 800, 1200)


@pytest.fixture
def runs(tmp_path):
    """Folders of three runs and, last, of their offline run."""
    settings = [write_run(tmp_path / str(lag), lag, 0.5 - lag / 3000, seed=lag) for lag in LAGS]
    return [*settings, write_run(tmp_path / "offline", 4000, 0.02)]


@pytest.fixture
def score(monkeypatch, capsys, caplog):
    """Runs `simuleval --score-only` in this process; returns the columns and what it warned of."""

    def run(output, *words) -> tuple[dict[str, float], str]:
        monkeypatch.setattr(sys, "argv", ["simuleval", *map(str, (*SCORE_ONLY, output, *words))])
        capsys.readouterr()
        caplog.clear()
        cli.main()
        return columns_of(capsys.readouterr().out), caplog.text

    return run


def columns_of(output: str) -> dict[str, float]:
    header, values = output.splitlines()
    return dict(zip(header.split(), map(float, values.split()[1:]), strict=True))


def expected(runs, metric="AL", bounds=None) -> float:
    """NoSE of the curve of these runs; the offline run is the last."""

    def bleu(log) -> float:
        texts = [one.prediction for one in log.utterances], [one.reference for one in log.utterances]
        statistics = quality_statistics("BLEU", *texts)
        return statistics.resampled_scores(np.ones((1, len(log.utterances)))).item()

    *points, offline = [read_run_log(run) for run in runs]
    measured = [OperatingPoint(log.latency(metric).mean(), bleu(log)) for log in points]
    return nose(Curve("", tuple(measured), bleu(offline)), bounds).score


def test_score_is_that_of_the_run_and_its_siblings(runs, score):
    columns, _ = score(runs[0], "--nose-siblings", *runs[1:3], "--nose-offline", runs[3])
    assert columns["NoSE"] == pytest.approx(expected(runs), abs=5e-4)


def test_own_folder_among_the_siblings_counts_once(runs, score):
    columns, _ = score(runs[0], "--nose-siblings", *runs[:3], "--nose-offline", runs[3])
    assert columns["NoSE"] == pytest.approx(expected(runs), abs=5e-4)


def test_bounds_metric_and_number_are_options(runs, score):
    words = ("--nose-siblings", *runs[1:3], "--nose-bounds", 0.5, 0.8, "--nose-latency", "DAL")
    columns, _ = score(runs[0], *words, "--nose-offline", 50)
    curve_of_50 = expected(runs, "DAL", (500, 800)) * score(runs[3])[0]["BLEU"] / 50
    assert columns["NoSE"] == pytest.approx(curve_of_50, abs=1e-3)


def test_computation_aware_columns_are_both_with_computation(runs, score):
    words = ("--nose-siblings", *runs[1:3], "--nose-offline", runs[3], "--computation-aware")
    columns, _ = score(runs[0], *words)
    assert columns["NoSE"] == columns["NoSE_CA"] == pytest.approx(expected(runs, "AL_CA"), abs=5e-4)


def test_siblings_may_be_tables_of_scores(runs, score, tmp_path):
    tables = []
    for run in runs[1:]:
        folder = tmp_path / f"table-{run.name}"
        folder.mkdir()
        columns, _ = score(run)
        (folder / "scores.tsv").write_text(f"AL\tBLEU\n{columns['AL']}\t{columns['BLEU']}\n")
        tables.append(folder)
    columns, _ = score(runs[0], "--nose-siblings", *tables[:2], "--nose-offline", tables[2])
    assert columns["NoSE"] == pytest.approx(expected(runs), abs=1e-3)


def test_without_siblings_it_is_nan_and_says_what_to_give(runs, score):
    columns, warnings = score(runs[0])
    assert math.isnan(columns["NoSE"]) and columns["AL"] > 0
    assert "NoSE is NaN: one run is no curve: give other runs of this system by --nose-siblings" in warnings


def test_points_without_a_curve_are_nan_with_the_reason(runs, score, tmp_path):
    silent = write_log(
        tmp_path / "silent",
        [
            line(one.index, reference=one.reference, prediction="", delays=[], elapsed=[])
            for one in read_run_log(runs[0]).utterances
        ],
    )
    other = write_log(tmp_path / "other", [line()])
    empty, undefined, low, high = (tmp_path / name for name in ("empty", "undefined", "low", "high"))
    for folder, table in (
        (empty, "BLEU\tLAAL\n1\t2\n"),
        (undefined, "BLEU\tAL\n1\tnan\n"),
        (low, "BLEU\tAL\n1\t900\n"),
        (high, "BLEU\tAL\n2\t900\n"),
    ):
        folder.mkdir()
        (folder / "scores.tsv").write_text(table)
    for words, reason in [
        ((runs[1],), "offline quality is missing: give it, or the offline run, by --nose-offline"),
        ((runs[1], "--nose-offline", 50, "--nose-bounds", 0.001, 0.5), "lie outside the curve of this run"),
        ((low, high, "--nose-offline", 50), "has two points at latency 0.9"),
        ((other, "--nose-offline", 50), "other is of another test set"),
        ((silent, "--nose-offline", 50), "silent wrote nothing in any sentence"),
        ((undefined, "--nose-offline", 50), "latency of point undefined must be finite, got nan"),
        ((empty, "--nose-offline", 50), "scores.tsv line 1 must name a column 'AL' once, found BLEU, LAAL"),
        ((runs[1], "--nose-offline", 0), "must be a number above 0"),
    ]:
        columns, warnings = score(runs[0], "--nose-siblings", *words)
        assert math.isnan(columns["NoSE"])
        assert re.search(f"NoSE is NaN: .*{re.escape(reason)}", warnings)


def test_a_sibling_that_counts_characters_is_no_point_of_words(runs, score, tmp_path):
    characters = write_log(
        tmp_path / "characters",
        [
            line(
                one.index,
                reference=one.reference,
                prediction="ab cd",
                delays=[500.0] * 5,
                elapsed=[500.0] * 5,
            )
            for one in read_run_log(runs[0]).utterances
        ],
    )
    columns, warnings = score(runs[0], "--nose-siblings", characters, "--nose-offline", 50)
    assert math.isnan(columns["NoSE"]) and "counts latency in units of a char, this run of a word" in warnings


def test_siblings_that_cannot_be_read_end_the_program_with_one_line(runs, score, tmp_path):
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "instances.log").write_text(json.dumps(line())[:60])
    for words, message in [
        (("--nose-siblings", tmp_path / "no"), "no is no finished run: it holds neither instances.log"),
        (("--nose-siblings", cut), "instances.log line 1 is no JSON, or cut in the middle"),
        (("--nose-offline", tmp_path / "no"), "no is no finished run"),
        (("--nose-latency", "ALL"), "there is no latency metric 'ALL'"),
        (("--nose-latency", "NoSE"), "--nose-latency must not be NoSE itself"),
    ]:
        with pytest.raises(SystemExit, match="^error: .*" + re.escape(message)):
            score(runs[0], *words)


def test_user_dir_needs_nothing_on_the_path(runs, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    plugin = ROOT / "evaluation" / "simuleval_plugin"
    words = (*SCORE_ONLY, runs[0], "--user-dir", plugin)
    words += ("--nose-siblings", *runs[1:3], "--nose-offline", runs[3])
    done = subprocess.run(
        [sys.executable, "-m", "simuleval.cli", *map(str, words)],
        **{"cwd": tmp_path, "env": environment, "capture_output": True, "text": True},
    )
    assert done.returncode == 0, done.stderr
    assert columns_of(done.stdout)["NoSE"] == pytest.approx(expected(runs), abs=5e-4)


def test_simulst_evaluate(tmp_path, capsys):
    evaluation = str(write_tiny_evaluation(tmp_path))
    siblings = [str(tmp_path / name) for name in ("k1", "k4")]
    for folder in siblings:
        assert simulst.main(["evaluate", evaluation, "--k", folder[-1], "--output", folder]) == 0
    words = ["--latency-metrics", "LAAL", "NoSE", "--nose-siblings", *siblings]
    words += ["--nose-offline", "20", "--nose-latency", "LAAL", "--nose-quality", "chrF"]
    capsys.readouterr()
    assert simulst.main(["evaluate", evaluation, *words]) == 0
    header, values = (text.split() for text in capsys.readouterr().out.splitlines()[:2])
    # The setting is three words: waitk k=2 step_ms=200.0.
    scores = dict(zip(header[1:], map(float, values[3:]), strict=True))
    assert 0 < scores["NoSE"] < 1 and 0 < scores["NoSE_CA"] < 1
    signatures = json.loads((tmp_path / "result" / "signatures.json").read_text())
    described = "quality:chrF|latency:LAAL|unit:s|offline:20|decoding:given|points:3"
    assert described in signatures["NoSE"]
    assert described.replace("LAAL", "LAAL_CA") in signatures["NoSE_CA"]


def test_simulst_evaluate_refuses_siblings_before_the_run(tmp_path, capsys):
    evaluation = str(write_tiny_evaluation(tmp_path))
    for words, message in [
        (["--nose-offline", "20"], "latency_metrics does not name NoSE"),
        (["--latency-metrics", "NoSE", "--nose-bounds", "20"], "nose_bounds must be two latencies, got 1"),
    ]:
        assert simulst.main(["evaluate", evaluation, *words]) == 1
        assert message in capsys.readouterr().err
    words = ["--latency-metrics", "NoSE", "--nose-siblings", str(tmp_path / "no")]
    with pytest.raises(SystemExit, match="error: .*no is no finished run"):
        simulst.main(["evaluate", evaluation, *words])
    assert not (tmp_path / "result").exists()
