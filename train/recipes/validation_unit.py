"""What every validation of translations measures: cross-entropy, BLEU and chrF."""

from collections.abc import Collection, Sequence
from typing import TypeVar

import fairseq2.recipe  # noqa: F401  fairseq2.evaluator can only be imported after it
import torch.nn.functional as F
from fairseq2.evaluator import EvalUnit
from fairseq2.metrics import Mean, MetricBag
from fairseq2.metrics.text import DEFAULT_BLEU_TOKENIZER, BleuMetric, ChrfMetric
from torch import Tensor

from models.languages import CHARACTER_LANGUAGES, canonical_language

Batch = TypeVar("Batch")
CHINESE = frozenset({"zh", "yue"})


def bleu_tokenizer(languages: Collection[str]) -> str:
    """sacreBLEU's: without spaces between words it counts characters, or it would count whole sentences.

    Among other languages it counts Chinese ones. None of these needs a package, as Japanese words would.
    """
    codes = set(map(canonical_language, languages))
    if not codes & CHARACTER_LANGUAGES:
        return DEFAULT_BLEU_TOKENIZER
    return "char" if codes <= CHARACTER_LANGUAGES and not codes <= CHINESE else "zh"


class ValidationUnit(EvalUnit[Batch]):
    """One validation set. Subclasses run their model in `process_batch`."""

    def __init__(self, name: str, references: dict[str, str]) -> None:
        """Starts with no counts. references: the texts that are scored against, by the pairs' ids."""
        self._name = name
        self._references = references
        # Ids end with the language that is written (`train.data.examples`).
        self._tokenizer = bleu_tokenizer({id.rpartition("/")[2] for id in references})

    @property
    def name(self) -> str:
        return self._name

    def prepare_metric_bag(self, metric_bag: MetricBag) -> None:
        metric_bag.add("nll_loss", Mean())
        metric_bag.add("bleu", BleuMetric(self._tokenizer))
        metric_bag.add("chrf", ChrfMetric())

    def count_loss(self, metric_bag: MetricBag, logits: Tensor, targets: Tensor) -> None:
        """Adds the loss of M positions, with logits (M, V) and targets (M,)."""
        metric_bag.get("nll_loss", Mean).update(F.cross_entropy(logits, targets).cpu(), weight=len(targets))

    def count_translations(
        self, metric_bag: MetricBag, ids: Sequence[str], hypotheses: Sequence[str]
    ) -> None:
        """Adds the hypotheses of these pairs to the scores."""
        references = [self._references[id] for id in ids]
        written = [hypothesis.strip() for hypothesis in hypotheses]
        metric_bag.get("bleu", BleuMetric).update(references, written)
        metric_bag.get("chrf", ChrfMetric).update(references, written)
