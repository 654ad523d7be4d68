"""A translator as it is trained: one forward pass over a batch that mixes speech and text.

Data parallelism sees a module's `forward` only, so all tasks of a step go through one.

Shapes: B pairs, N positions, M positions that count, D width, V vocabulary.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from models.reina.network import Reina
from train.data.batches import Audio, Text, TranslationBatch
from train.recipes.attention_kernels import attention_kernels
from train.recipes.start_model import DESCRIPTION, StartModel


class MultitaskTranslator(nn.Module):
    """A SpeechModel that hears clips or reads texts, as its batch has them."""

    def __init__(self, start: StartModel, freeze_encoder: bool) -> None:
        super().__init__()
        self.translator = start.model
        self.start = start  # also knows the tokenizer
        self.freeze_encoder = freeze_encoder

    def freeze(self) -> None:
        """Leave out of training what is not to be trained."""
        if self.freeze_encoder:
            self.translator.encoder.requires_grad_(False)

    def describe(self, output: Path) -> None:
        """Write into the output folder of a run what is needed, beside its weights, to build the model again.

        Raises InputError where that is the folder of a run that cannot be gone on with.
        """
        self.start.describe(output / DESCRIPTION)

    def forward(self, batch: TranslationBatch) -> list[tuple[Tensor, Tensor]]:
        """Logits (M, V) and targets (M,) of the speech and of the text in the batch, in this order."""
        parts = []
        with attention_kernels(self.translator.decoder.token_embedding.weight.device):
            if batch.speech is not None:
                memory, lengths = self.listen(batch.speech.audio)
                parts.append(self._predict(memory, lengths, batch.speech.text))
            if batch.texts is not None:
                texts = batch.texts
                hidden = self._reader().translate_text(texts.source, texts.lengths, texts.text.tokens)
                parts.append(self._logits(hidden, texts.text))
        return parts

    def listen(self, audio: Audio) -> tuple[Tensor, Tensor]:
        """What the decoder listens to, (B, T, D), and its lengths (B,)."""
        model = self.translator
        if audio.encoded:
            return model.listen(audio.values.to(model.decoder.token_embedding.weight.dtype)), audio.lengths
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze_encoder):
            frames = model.encoder(audio.values, audio.lengths)
        return model.listen(frames), model.front_end.memory_frames(audio.lengths)

    def _predict(self, memory: Tensor, lengths: Tensor, text: Text) -> tuple[Tensor, Tensor]:
        return self._logits(self.translator.decoder.teacher_force(memory, lengths, text.tokens), text)

    def _logits(self, hidden: Tensor, text: Text) -> tuple[Tensor, Tensor]:
        """Only positions that count are worth V numbers each."""
        mask = text.mask
        return self.translator.decoder.logits(hidden[mask]), text.targets[mask]

    def _reader(self) -> Reina:
        if not isinstance(self.translator, Reina):
            raise ValueError("only a REINA model reads text: leave nmt out of the data of this model")
        return self.translator
