"""An audio-language model as self-labelling asks for it."""

from collections.abc import Sequence

import numpy as np
import torch

from models.audio_language.model import AudioLanguageModel
from models.storage.locate import locate_model
from models.translator import TranslatorOptions
from train.simulsa_sft.start import open_audio_language_model, weights_at


class Speculator:
    """`train.simulsa_augment.speculation.SpeculatingModel` over any family."""

    def __init__(self, model: AudioLanguageModel, weights: str, source: str, targets: Sequence[str]) -> None:
        """weights: where they were read. Raises InputError for languages that the model cannot do."""
        self._model = model
        self.weights = weights
        self._prompts = {target: model.prompt(source, target) for target in targets}
        tokenizer = model.tokenizer
        self.vocabulary_size = tokenizer.vocabulary_size
        self.encode = tokenizer.encode
        self.decode = tokenizer.decode
        self.token_bytes = tokenizer.token_bytes
        self.maximum_audio_ms = model.maximum_audio_ms
        longest_prompt = max(len(prompt.before) + len(prompt.after) for prompt in self._prompts.values())
        self.maximum_text = model.context_length - model.maximum_frames - longest_prompt

    @torch.inference_mode()
    def probabilities(
        self, waveforms: Sequence[np.ndarray], targets: Sequence[str], texts: Sequence[Sequence[int]]
    ) -> list[np.ndarray]:
        prompts = [self._prompts[target] for target in targets]
        logits, real = self._model.teacher_forced(self._model.features(waveforms), prompts, texts)
        tokens = torch.tensor([token for text in texts for token in text], device=logits.device).long()
        likely = logits[real].log_softmax(-1).gather(1, tokens[:, None])[:, 0].exp().cpu().numpy()
        return np.split(likely, np.cumsum([len(text) for text in texts])[:-1])


def open_speculator(name: str, options: TranslatorOptions, source: str, targets: Sequence[str]) -> Speculator:
    """The model by name or path. Raises InputError if it is no audio-language model."""
    weights = weights_at(locate_model(name))
    model = open_audio_language_model(weights, options)
    model.network.eval().requires_grad_(False)
    return Speculator(model, str(weights.absolute()), source, targets)
