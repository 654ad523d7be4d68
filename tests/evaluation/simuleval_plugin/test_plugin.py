"""Scorers of the plug-in: numbers worked out by hand, and the way SimulEval finds them."""

import json
import math
from types import SimpleNamespace

import pytest
from simuleval.evaluator.scorers.quality_scorer import QUALITY_SCORERS_DICT

from evaluation.metrics.normalized_text import normalize
from tests.evaluation.tiny_evaluation import ROOT, run_command


def score(name: str, *pairs: tuple[str, str]) -> float:
    """pairs: (prediction, reference)."""
    instances = {
        index: SimpleNamespace(prediction=prediction, reference=reference)
        for index, (prediction, reference) in enumerate(pairs)
    }
    return QUALITY_SCORERS_DICT[name].from_args(None)(instances)


def test_wer_norm_of_three_sentences_by_hand():
    pairs = (
        ("hello world", "Hello, world!"),  # 0 errors, 2 words
        ("its a dog’s life", "It's a dog's life."),  # 1 substitution, 4 words
        ("goodbye", "Good-bye, Anna"),  # 1 substitution and 2 deletions, 3 words
    )
    assert score("WER_NORM", *pairs) == pytest.approx(100 * 4 / 9)


def test_wer_norm_counts_insertions_beyond_the_reference():
    assert score("WER_NORM", ("one two three", "one"), ("", "")) == 200.0


def test_wer_norm_without_reference_words_is_nan():
    assert math.isnan(score("WER_NORM", ("word", "...")))


def test_chrf_of_three_sentences_by_hand():
    # Matches / in predictions / in references, for n = 1: 5/5/7, n = 2: 3/3/4, n = 3: 1/1/2.
    # Precision 1, recall (5/7 + 3/4 + 1/2) / 3 = .654762, F2 = 5 P R / (4 P + R).
    assert score("chrF", ("ab", "abc"), ("cat", "cat"), ("", "d")) == pytest.approx(70.3325, abs=1e-4)


def test_empty_counts_predictions_without_text():
    assert score("EMPTY", ("", "a"), (" ", "b"), ("c", "")) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, World!", "hello world"),
        ("It’s Anna's 'rock 'n' roll'", "it's anna's rock n roll"),
        ("the dogs' well-known bark — 100%…now", "the dogs well known bark 100 now"),
        ("¿Qué? ÉTÉ", "qué été"),
        ("ﬁne", "fine"),
        ("हिन्दी में।", "हिन्दी में"),
        ("...", ""),
    ],
)
def test_normalize(text, words):
    assert normalize(text) == words


@pytest.mark.parametrize("name", ["chrF", "WER_NORM", "EMPTY"])
def test_every_scorer_has_a_signature(name):
    scorer = QUALITY_SCORERS_DICT[name].from_args(None)
    assert all(":" in part for part in scorer.signature.split("|"))


def test_scorers_of_simuleval_keep_their_names():
    assert QUALITY_SCORERS_DICT["WER"].__module__ == "simuleval.evaluator.scorers.quality_scorer"


def test_simuleval_finds_the_scorers_in_its_user_dir(tmp_path):
    line = {
        "index": 0,
        "prediction": "hello world",
        "delays": [500.0, 500.0],
        "elapsed": [600.0, 600.0],
        "prediction_length": 2,
        "reference": "Hello, world!",
        "source": [],
        "source_length": 1000.0,
    }
    (tmp_path / "instances.log").write_text(json.dumps(line) + "\n")
    (tmp_path / "config.yaml").write_text("source_type: speech\ntarget_type: text\n")
    plugin = ROOT / "evaluation" / "simuleval_plugin"
    run = run_command(
        *("simuleval", "--user-dir", plugin, "--score-only", "--output", tmp_path),
        *("--quality-metrics", "WER_NORM", "EMPTY", "chrF", "--latency-metrics", "AL"),
    )
    assert run.returncode == 0, run.stderr
    header, values = run.stdout.splitlines()
    assert header.split() == ["WER_NORM", "EMPTY", "chrF", "AL"]
    assert values.split()[1:3] == ["0.0", "0"]
