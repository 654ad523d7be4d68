"""What one step of stage 3 computes: the policy's loss, and how well its score follows its goal."""

from collections.abc import Iterable

import fairseq2.recipe  # noqa: F401  fairseq2.evaluator can only be imported after it
import torch
from fairseq2.device import Device
from fairseq2.evaluator import EvalUnit
from fairseq2.metrics import Mean, MetricBag
from fairseq2.trainer import TrainUnit
from torch import Tensor, nn
from torcheval.metrics import Metric

from models.policy.network import predicted_divergence
from train.data.batches import TranslationBatch
from train.policy.loss import PolicyLoss
from train.policy.model import PolicyInTraining, Teacher
from train.recipes.attention_kernels import attention_kernels
from train.translator.unit import check_finite

CORRELATION = "goal_correlation"
TERMS = ("loss", "covariance", "monotonicity", "norm")


class PolicyUnit(TrainUnit[TranslationBatch]):
    def __init__(self, model: nn.Module, teacher: Teacher, loss: PolicyLoss) -> None:
        """model: a PolicyInTraining, wrapped for data parallelism if there is any."""
        self._model = model
        self._teacher = teacher
        self._loss = loss

    def prepare_metric_bag(self, metric_bag: MetricBag) -> None:
        for name in TERMS if self._loss.objective == "gain" else TERMS[:1]:
            metric_bag.add(name, Mean())

    def process_batch(self, batch: TranslationBatch, metric_bag: MetricBag) -> tuple[Tensor, int]:
        with attention_kernels(batch.speech.text.tokens.device):
            lesson = self._teacher.lesson(batch.speech)
            terms = self._loss(self._model(lesson.hidden, lesson.heard_s), lesson)
        check_finite(terms["loss"], batch.ids)
        count = int(lesson.mask.sum())
        for name, term in terms.items():
            metric_bag.get(name, Mean).update(term.detach().cpu() / count, weight=count)
        return terms["loss"], count


class PolicyEvalUnit(EvalUnit[TranslationBatch]):
    """The loss, and Spearman's correlation of the score with its goal over the tokens of all clips."""

    def __init__(self, model: PolicyInTraining, loss: PolicyLoss, name: str) -> None:
        self._model = model
        self._loss = loss
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def prepare_metric_bag(self, metric_bag: MetricBag) -> None:
        metric_bag.add("loss", Mean())
        metric_bag.add(CORRELATION, RankCorrelation())

    def process_batch(self, batch: TranslationBatch, metric_bag: MetricBag) -> None:
        with attention_kernels(batch.speech.text.tokens.device):
            lesson = self._model.teacher.lesson(batch.speech)
            scores = self._model(lesson.hidden, lesson.heard_s)
        count = int(lesson.mask.sum())
        loss = self._loss(scores, lesson)["loss"]
        metric_bag.get("loss", Mean).update(loss.cpu() / count, weight=count)
        if self._loss.objective == "divergence":
            scores = predicted_divergence(scores)
        mask = lesson.mask
        metric_bag.get(CORRELATION, RankCorrelation).update(scores[mask], lesson.goal[mask])


class RankCorrelation(Metric[Tensor]):
    """Spearman's rank correlation of all pairs of numbers that it was given."""

    def __init__(self, *, device: Device | None = None) -> None:
        super().__init__(device=device)
        self._add_state("pairs", [])

    def update(self, first: Tensor, second: Tensor) -> "RankCorrelation":
        self.pairs.append(torch.stack([first, second]).detach().double().to(self.device))
        return self

    def compute(self) -> Tensor:
        if not self.pairs:
            return torch.tensor(float("nan"))
        return torch.corrcoef(torch.stack([average_ranks(one) for one in torch.cat(self.pairs, dim=1)]))[0, 1]

    def merge_state(self, metrics: Iterable["RankCorrelation"]) -> "RankCorrelation":
        for metric in metrics:
            self.pairs += metric.pairs
        return self


def average_ranks(values: Tensor) -> Tensor:
    """The ranks (n,) of n values; equal values share the mean of theirs."""
    _, inverse, counts = values.unique(return_inverse=True, return_counts=True)
    return (counts.cumsum(0) - (counts - 1) / 2).double()[inverse]
