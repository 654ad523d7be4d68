"""A finished run is never lost: scorers of no use are refused first, a run is kept and scored again."""

import csv
import json
from pathlib import Path

import pytest
from simuleval.evaluator.scorers.latency_scorer import LATENCY_SCORERS_DICT, LatencyScorer

import simulst
from tests.evaluation.made_up_sweep import write_sweep
from tests.evaluation.tiny_evaluation import write_tiny_evaluation
from tests.evaluation.tiny_sweep import write_tiny_sweep


class BrokenScorer(LatencyScorer):
    """Fails once everything has been simulated."""

    def __call__(self, instances) -> float:
        raise AssertionError("no segments\nhere")


@pytest.fixture
def broken_scorer(monkeypatch):
    monkeypatch.setitem(LATENCY_SCORERS_DICT, "Broken", BrokenScorer)


@pytest.fixture
def kept(tmp_path, broken_scorer, capsys) -> Path:
    """A run whose scoring failed."""
    yaml = write_tiny_evaluation(tmp_path)
    words = ["--engine", "batched", "--latency-metrics", "AL", "Broken"]
    assert simulst.main(["evaluate", str(yaml), *words]) == 1
    output = tmp_path / "result"
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"error: {output} holds the finished run, but its scoring failed (AssertionError: no segments here): "
        f"score it again by `simulst evaluate --rescore {output}`, with other --quality-metrics or "
        "--latency-metrics"
    )
    return output


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("latency", "DiscontinuitySum"),
        ("latency", "DiscontinuityAve"),
        ("latency", "DiscontinuityNum"),
        ("latency", "AL_SpeechAlign_BOW"),
        ("quality", "ASR_BLEU"),
        ("quality", "WHISPER_ASR_BLEU"),
    ],
)
def test_scorers_of_speech_are_refused_before_the_run(tmp_path, capsys, kind, name):
    yaml = write_tiny_evaluation(tmp_path)
    assert simulst.main(["evaluate", str(yaml), f"--{kind}-metrics", name]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"error: {kind} metric {name} is for runs that write speech, and here text is written"
    )
    assert not (tmp_path / "result").exists()


def test_a_run_whose_scoring_fails_keeps_its_logs(kept):
    assert sorted(file.name for file in kept.iterdir()) == [
        "chunks.jsonl",
        "config.yaml",
        "evaluation.yaml",
        "instances.log",
    ]
    assert len((kept / "instances.log").read_text().splitlines()) == 3


def test_a_kept_run_can_be_scored_again(kept, capsys):
    log = (kept / "instances.log").read_bytes()
    assert simulst.main(["evaluate", "--rescore", str(kept), "--latency-metrics", "AL", "AP"]) == 0
    header = capsys.readouterr().out.splitlines()[0].split()
    assert header == ["setting", "BLEU", "chrF", "AL_s", "AP", "EMPTY", "SENTENCES"]
    with (kept / "scores.tsv").open(newline="") as file:
        [row] = csv.DictReader(file, delimiter="\t")
    assert list(row) == ["setting", "BLEU", "chrF", "AL", "AP", "EMPTY", "SENTENCES"]
    assert list(json.loads((kept / "signatures.json").read_text())) == ["BLEU", "chrF", "EMPTY", "AL", "AP"]
    assert "latency_metrics:\n- AL\n- AP\n" in (kept / "evaluation.yaml").read_text()
    assert (kept / "instances.log").read_bytes() == log


def test_only_scores_can_be_asked_for_again(kept, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    plain = write_sweep(tmp_path / "sweep") / "runs/waitk/k=1"
    (plain / "evaluation.yaml").unlink()
    for words, message in [
        ((kept, "--k", 3), "--rescore runs nothing, so --k does not go with it"),
        ((kept, "--latency-metrics", "DiscontinuitySum"), "is for runs that write speech"),
        ((tmp_path / "empty",), "empty holds no instances.log"),
        ((plain,), "k=1 has no evaluation.yaml"),
    ]:
        assert simulst.main(["evaluate", "--rescore", *map(str, words)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ") and message in error and error.count("\n") == 1


def test_a_sweep_keeps_its_runs_and_scores_them_when_it_goes_on(tmp_path, broken_scorer, capsys, monkeypatch):
    systems = "systems:\n  wait-k: {agent: waitk, step_ms: 200, knob: k, settings: [1, 4]}\n"
    yaml = write_tiny_sweep(tmp_path, systems, latency_metrics="[LAAL, Broken]")
    words = ["sweep", str(yaml), "--output", str(tmp_path / "sweep")]
    assert simulst.main(words) == 1
    assert "k=1 holds the finished run, but its scoring failed" in capsys.readouterr().err
    log = tmp_path / "sweep/runs/wait-k/k=1/instances.log"
    written = log.stat().st_mtime_ns
    monkeypatch.setattr(BrokenScorer, "__call__", lambda self, instances: 7.0)
    assert simulst.main(words) == 0
    assert log.stat().st_mtime_ns == written
    assert (log.parent / "scores.tsv").is_file()
