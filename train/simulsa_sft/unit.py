"""What one step computes: cross-entropy of the texts alone, and how good translations are."""

import fairseq2.recipe  # noqa: F401  fairseq2.evaluator can only be imported after it
import torch
import torch.nn.functional as F
from fairseq2.evaluator import EvalUnit
from fairseq2.metrics import Mean, MetricBag
from fairseq2.metrics.text import BleuMetric, ChrfMetric
from fairseq2.trainer import TrainUnit
from torch import Tensor, nn

from train.multitask_model import attention_kernels
from train.simulsa_sft.batches import AudioTextBatch
from train.simulsa_sft.greedy import greedy
from train.simulsa_sft.model import AudioLanguageInTraining
from train.translation_unit import check_finite


class SftUnit(TrainUnit[AudioTextBatch]):
    """Sums the cross-entropy of the texts; prompts and audio are read and not predicted."""

    def __init__(self, model: nn.Module, label_smoothing: float) -> None:
        """model: an AudioLanguageInTraining, wrapped for data parallelism if there is any."""
        self._model = model
        self._label_smoothing = label_smoothing

    def prepare_metric_bag(self, metric_bag: MetricBag) -> None:
        for name in ("loss", "nll_loss"):
            metric_bag.add(name, Mean())

    def process_batch(self, batch: AudioTextBatch, metric_bag: MetricBag) -> tuple[Tensor, int]:
        logits, targets = self._model(batch)
        loss = F.cross_entropy(logits, targets, reduction="sum", label_smoothing=self._label_smoothing)
        check_finite(loss, batch.ids)
        with torch.no_grad():
            nll = F.cross_entropy(logits, targets)
        count = len(targets)
        metric_bag.get("nll_loss", Mean).update(nll.cpu(), weight=count)
        metric_bag.get("loss", Mean).update(loss.detach().cpu() / count, weight=count)
        return loss, count


class SftEvalUnit(EvalUnit[AudioTextBatch]):
    """Cross-entropy, BLEU and chrF of greedy translations of one validation set."""

    def __init__(self, model: AudioLanguageInTraining, name: str, references: dict[str, str]) -> None:
        """references: by the pairs' ids."""
        self._model = model
        self._name = name
        self._references = references

    @property
    def name(self) -> str:
        return self._name

    def prepare_metric_bag(self, metric_bag: MetricBag) -> None:
        metric_bag.add("nll_loss", Mean())
        metric_bag.add("bleu", BleuMetric())
        metric_bag.add("chrf", ChrfMetric())

    def process_batch(self, batch: AudioTextBatch, metric_bag: MetricBag) -> None:
        logits, targets = self._model(batch)
        metric_bag.get("nll_loss", Mean).update(F.cross_entropy(logits, targets).cpu(), weight=len(targets))
        model = self._model.model
        with attention_kernels(model.device):
            written = greedy(model, self._model.encode(batch), batch.prompts)
        hypotheses = [model.tokenizer.decode(tokens).strip() for tokens in written]
        references = [self._references[id] for id in batch.ids]
        metric_bag.get("bleu", BleuMetric).update(references, hypotheses)
        metric_bag.get("chrf", ChrfMetric).update(references, hypotheses)
