"""What one step computes: cross-entropy of the texts alone, and how good translations are."""

import fairseq2.recipe  # noqa: F401  fairseq2.trainer can only be imported after it
from fairseq2.metrics import Mean, MetricBag
from fairseq2.trainer import TrainUnit
from torch import Tensor, nn

from models.audio_language.translator import AudioLanguageDecoder
from models.translator import Memory
from train.recipes.attention_kernels import attention_kernels
from train.recipes.cross_entropy import smoothed_cross_entropy
from train.recipes.decoding import translate
from train.recipes.validation_unit import ValidationUnit
from train.simulsa_sft.batches import AudioTextBatch
from train.simulsa_sft.model import AudioLanguageInTraining
from train.translator.unit import check_finite


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
        loss, nll = smoothed_cross_entropy(logits, targets, self._label_smoothing)
        check_finite(loss, batch.ids)
        count = len(targets)
        metric_bag.get("nll_loss", Mean).update(nll.detach().cpu() / count, weight=count)
        metric_bag.get("loss", Mean).update(loss.detach().cpu() / count, weight=count)
        return loss, count


class SftEvalUnit(ValidationUnit[AudioTextBatch]):
    """Cross-entropy of one validation set, and scores of greedy translations."""

    def __init__(self, model: AudioLanguageInTraining, name: str, references: dict[str, str]) -> None:
        super().__init__(name, references)
        self._model = model

    def process_batch(self, batch: AudioTextBatch, metric_bag: MetricBag) -> None:
        self.count_loss(metric_bag, *self._model(batch))
        model = self._model.model
        with attention_kernels(model.device):
            audio = model.adapt(self._model.encode_batch(batch))
            ends_ms = model.frame_ends(*audio.values.shape[:2])
            memory = Memory(audio.values, audio.lengths, audio.lengths, ends_ms)
            prompts = [model.tokenizer.in_one_piece(prompt) for prompt in batch.prompts]
            hypotheses = translate(AudioLanguageDecoder(model, in_training=True), memory, prompts)
        self.count_translations(metric_bag, batch.ids, hypotheses)
