"""Scores from counts equal sacreBLEU's of the same sentences."""

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF

from evaluation.logs.run_log import read_run_log
from evaluation.metrics.quality_statistics import quality_statistics
from foundation.errors import InputError
from tests.evaluation.run_logs import write_run


@pytest.fixture
def texts(tmp_path):
    log = read_run_log(write_run(tmp_path, lag_ms=500, errors=0.3, sentences=30))
    predictions = [one.prediction for one in log.utterances]
    predictions[3] = ""
    return predictions, [one.reference for one in log.utterances]


@pytest.mark.parametrize(("name", "metric"), [("BLEU", BLEU()), ("chrF", CHRF())])
def test_score_of_a_resample_is_sacrebleus_of_its_sentences(texts, name, metric):
    predictions, references = texts
    generator = np.random.default_rng(0)
    drawn = generator.integers(0, 30, size=(20, 30))
    weights = np.stack([np.bincount(row, minlength=30) for row in drawn])
    ours = quality_statistics(name, predictions, references).resampled_scores(weights.astype(float))
    for row, score in zip(drawn, ours, strict=True):
        chosen = [predictions[at] for at in row], [[references[at] for at in row]]
        assert score == metric.corpus_score(*chosen).score


def test_tokenizer_is_sacrebleus():
    predictions, references = ["我爱你们大家"], ["我爱你们全家"]
    statistics = quality_statistics("BLEU", predictions, references, "zh")
    theirs = BLEU(tokenize="zh").corpus_score(predictions, [references])
    assert statistics.resampled_scores(np.ones((1, 1)))[0] == theirs.score
    assert "tok:zh" in statistics.signature


def test_unknown_metric_and_tokenizer_are_refused():
    with pytest.raises(InputError, match="there is no quality metric 'bleu': give some of BLEU, chrF"):
        quality_statistics("bleu", ["a"], ["a"])
    with pytest.raises(InputError, match="tokenizer none2 cannot be used"):
        quality_statistics("BLEU", ["a"], ["a"], "none2")


def test_word_errors_of_a_resample_are_those_of_its_sentences():
    references = ["Good morning, all!", "it's late", "..."]
    predictions = ["good mourning", "It’s very late.", ""]
    statistics = quality_statistics("WER_NORM", predictions, references)
    # A word wrong and one missing of three; one too many beside two; none of none.
    weights = np.array([[1.0, 1, 1], [2, 0, 1], [0, 3, 0], [0, 0, 3]])
    np.testing.assert_allclose(statistics.resampled_scores(weights), [60.0, 200 / 3, 50.0, np.nan])
    np.testing.assert_allclose(statistics.sentence_scores(2), [200 / 3, 50.0])
    assert statistics.signature.startswith("norm:nfkc+lower+nopunct|scale:percent|jiwer:")
