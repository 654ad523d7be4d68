"""Quality from counts of each sentence, so that any resample of a test set is scored by a sum.

Counts and formula of BLEU and chrF are sacreBLEU's own: the score of a resample is its corpus score exactly.

Shapes: N sentences, R resamples, S counts of a sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.metrics.base import Metric

from evaluation.metrics.metric_names import RESAMPLED_METRICS, WORD_ERRORS
from evaluation.metrics.word_errors import SIGNATURE, count_errors
from foundation.errors import InputError


@dataclass(frozen=True)
class QualityStatistics:
    """A metric and the counts (N, S) float64 of a run's sentences."""

    metric: Metric
    counts: np.ndarray

    @property
    def signature(self) -> str:
        return str(self.metric.get_signature())

    def resampled_scores(self, weights: np.ndarray) -> np.ndarray:
        """weights (R, N), how often each resample holds each sentence -> its score, (R,) float64."""
        return self._scores(weights @ self.counts)

    def sentence_scores(self, sentences: int) -> np.ndarray:
        """The scores of the first sentences, each by itself: (sentences,) float64."""
        return self._scores(self.counts[:sentences])

    def _scores(self, sums: np.ndarray) -> np.ndarray:
        # Plain numbers: sacreBLEU counts in Python, which is far slower with those of numpy.
        return np.array([self.metric._compute_score_from_stats(row).score for row in sums.tolist()])


@dataclass(frozen=True)
class WordErrorStatistics:
    """Word errors (N,) and words of the references (N,): the error rate in %, of which less is better."""

    errors: np.ndarray
    words: np.ndarray

    signature = SIGNATURE

    def resampled_scores(self, weights: np.ndarray) -> np.ndarray:
        """weights (R, N) -> the score of each resample, (R,) float64; NaN without any word."""
        words = weights @ self.words
        return 100 * (weights @ self.errors) / np.where(words > 0, words, np.nan)

    def sentence_scores(self, sentences: int) -> np.ndarray:
        """The scores of the first sentences: (sentences,)."""
        return self.resampled_scores(np.eye(len(self.words))[:sentences])


@dataclass(frozen=True)
class MeanStatistics:
    """A metric whose score is the mean of its scores (N,) of sentences."""

    scores: np.ndarray

    signature = "imported|mean of sentences"

    def resampled_scores(self, weights: np.ndarray) -> np.ndarray:
        """weights (R, N) -> the score of each resample, (R,) float64."""
        return (weights @ self.scores) / weights.sum(axis=1)

    def sentence_scores(self, sentences: int) -> np.ndarray:
        """The scores of the first sentences: (sentences,)."""
        return self.scores[:sentences]


Statistics = QualityStatistics | WordErrorStatistics | MeanStatistics


def quality_statistics(
    name: str, predictions: Sequence[str], references: Sequence[str], tokenizer: str = "13a"
) -> QualityStatistics | WordErrorStatistics:
    """Count once. name is one of RESAMPLED_METRICS; tokenizer is sacreBLEU's for BLEU.

    Raises InputError for an unknown metric, or a tokenizer that is not installed.
    """
    if name not in RESAMPLED_METRICS:
        raise InputError(f"there is no quality metric {name!r}: give some of {', '.join(RESAMPLED_METRICS)}")
    if name == WORD_ERRORS:
        counted = [count_errors(*pair) for pair in zip(references, predictions, strict=True)]
        errors, words = np.array(counted, dtype=np.float64).reshape(-1, 2).T
        return WordErrorStatistics(errors, words)
    try:
        metric = BLEU(tokenize=tokenizer, force=True) if name == "BLEU" else CHRF()
    except (ImportError, RuntimeError, KeyError) as error:
        raise InputError(f"tokenizer {tokenizer} cannot be used: {' '.join(str(error).split())}") from None
    # Private, but what sacreBLEU's own paired tests are built on.
    counts = metric._extract_corpus_statistics(predictions, [references])
    return QualityStatistics(metric, np.array(counts, dtype=np.float64))
