"""Scorers for SimulEval: quality chrF, WER_NORM and EMPTY here, latency NoSE in nose_scorer.py.

    simuleval --user-dir evaluation/simuleval_plugin --quality-metrics BLEU chrF WER_NORM EMPTY ...

Importing this package registers them; SimulEval looks scorers up before it reads the agent file, so
an agent cannot do it. Quality scores are of the whole corpus: counts are summed over all sentences,
then divided. Every scorer has a `signature`, which says how its number was computed, in sacreBLEU's
manner.

SimulEval 1.1.4 has a scorer WER of its own, on raw text, case and punctuation included; WER_NORM does
not replace it.
"""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from sacrebleu.metrics import CHRF
from simuleval.evaluator.instance import Instance
from simuleval.evaluator.scorers.quality_scorer import QualityScorer, register_quality_scorer

if find_spec("evaluation") is None:
    # SimulEval puts only the folder above --user-dir on the path, and this package by its bare name.
    sys.path.append(str(Path(__file__).parents[2]))

from evaluation.metrics.word_errors import SIGNATURE, count_errors

from . import nose_scorer  # noqa: F401  registers itself


class CorpusScorer(QualityScorer):
    """A scorer without options."""

    @classmethod
    def from_args(cls, args) -> "CorpusScorer":
        return cls()


@register_quality_scorer("chrF")
class ChrFScorer(CorpusScorer):
    """chrF2 (Popović 2015), as sacreBLEU computes it by default: 0 to 100, higher is better.

    F-score (beta 2) of precision and recall averaged over character n-grams, n 1 to 6, white space
    left out, case and punctuation kept. Works for languages without spaces, too.
    """

    def __call__(self, instances: Mapping[int, Instance]) -> float:
        predictions = [instance.prediction for instance in instances.values()]
        references = [instance.reference for instance in instances.values()]
        return CHRF().corpus_score(predictions, [references]).score

    @property
    def signature(self) -> str:
        metric = CHRF()
        # sacreBLEU knows the number of references only once it has seen some.
        metric.corpus_score(["a"], [["a"]])
        return str(metric.get_signature())


@register_quality_scorer("WER_NORM")
class NormalizedWERScorer(CorpusScorer):
    """Word error rate of normalised text (see `normalize`) in percent: lower is better, 0 is perfect.

    100 * (substitutions + deletions + insertions) / reference words, of the alignment with the fewest
    errors; counted by jiwer. NaN when the references have no words. Words are what white space
    separates: for languages without spaces use chrF.
    """

    signature = SIGNATURE

    def __call__(self, instances: Mapping[int, Instance]) -> float:
        counted = [count_errors(one.reference, one.prediction) for one in instances.values()]
        errors, words = (sum(column) for column in zip(*counted, strict=True))
        return 100 * errors / words if words else float("nan")


@register_quality_scorer("EMPTY")
class EmptyScorer(CorpusScorer):
    """Number of predictions without any text.

    SimulEval leaves these out of its latency means, so a system that says nothing looks fast.
    """

    signature = "count:sentences"

    def __call__(self, instances: Mapping[int, Instance]) -> int:
        return sum(not instance.prediction.strip() for instance in instances.values())
