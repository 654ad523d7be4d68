"""What one step of stages 1 and 2 computes: cross-entropy of all tasks, and how good translations are."""

from collections.abc import MutableMapping

import fairseq2.recipe  # noqa: F401  fairseq2.trainer can only be imported after it
import torch
from fairseq2.metrics import Mean, MetricBag
from fairseq2.trainer import TrainUnit
from torch import Tensor, nn

from foundation.errors import InputError
from models.speech_translator import SpeechDecoder
from models.translator import Memory, frame_ends
from train.data.batches import SpeechPairs, TranslationBatch
from train.recipes.cross_entropy import smoothed_cross_entropy
from train.recipes.decoding import translate
from train.recipes.validation_unit import ValidationUnit
from train.translator.model import MultitaskTranslator

PARTS = ("speech_nll", "text_nll")


class TranslationUnit(TrainUnit[TranslationBatch]):
    """Sums the label-smoothed cross-entropy of speech and text (REINA, stages 1 and 2)."""

    def __init__(self, model: nn.Module, label_smoothing: float) -> None:
        """model: a MultitaskTranslator, wrapped for data parallelism if there is any."""
        self._model = model
        self._label_smoothing = label_smoothing

    def prepare_metric_bag(self, metric_bag: MetricBag) -> None:
        for name in ("loss", "nll_loss", *PARTS):
            metric_bag.add(name, Mean())

    def process_batch(self, batch: TranslationBatch, metric_bag: MetricBag) -> tuple[Tensor, int]:
        names = [name for name, part in _parts(batch) if part is not None]
        total, count = torch.zeros(()), 0
        for name, (logits, targets) in zip(names, self._model(batch), strict=True):
            loss, nll = smoothed_cross_entropy(logits, targets, self._label_smoothing)
            check_finite(loss, batch.ids)
            for metric in ("nll_loss", name):
                metric_bag.get(metric, Mean).update(nll.detach().cpu() / len(targets), weight=len(targets))
            metric_bag.get("loss", Mean).update(loss.detach().cpu() / len(targets), weight=len(targets))
            total, count = total.to(loss.device) + loss, count + len(targets)
        return total, count

    def process_metric_values(self, values: MutableMapping[str, object]) -> None:
        """Leaves out the mean of what these steps had none of, which would be logged as 0."""
        for name in PARTS:
            if values.get(name) == 0:
                del values[name]


class TranslationEvalUnit(ValidationUnit[TranslationBatch]):
    """Cross-entropy of one validation set, and scores of greedy translations; texts have no BLEU."""

    def __init__(self, model: MultitaskTranslator, name: str, references: dict[str, str]) -> None:
        super().__init__(name, references)
        self._model = model

    def process_batch(self, batch: TranslationBatch, metric_bag: MetricBag) -> None:
        for logits, targets in self._model(batch):
            self.count_loss(metric_bag, logits, targets)
        if batch.speech is not None:
            self.count_translations(metric_bag, batch.speech.ids, self._translate(batch.speech))

    def _translate(self, speech: SpeechPairs) -> list[str]:
        frames, lengths = self._model.listen(speech.audio)
        translator = self._model.translator
        ends_ms = frame_ends(*frames.shape[:2], translator.front_end.frame_ms, frames.device)
        decoder = SpeechDecoder(translator, self._model.start.tokenizer, in_training=True)
        return translate(decoder, Memory(frames, lengths, lengths, ends_ms), speech.text.prompts)


def check_finite(loss: Tensor, ids: list[str]) -> None:
    """Raises InputError that names the pairs of a batch whose loss is no number."""
    if not torch.isfinite(loss):
        raise InputError(
            f"the loss of a batch is {loss.item()}: lower the learning rate, or look at its pairs: "
            + ", ".join(ids)
        )


def _parts(batch: TranslationBatch) -> list[tuple[str, object]]:
    return list(zip(PARTS, (batch.speech, batch.texts), strict=True))
