"""Models of other kinds as labelling asks for them: any translator that reads a given text in one pass."""

from collections.abc import Sequence

import numpy as np
import torch

from foundation.errors import InputError
from models.audio_language.families import FAMILIES
from models.audio_language.translator import AudioLanguageTranslator
from models.registry import base_model, load_translator
from models.storage.locate import locate_model
from models.storage.model_files import read_json
from models.translator import Translator, TranslatorOptions
from train.simulsa_augment.speculation import ReadingModel
from train.simulsa_augment.speculator import open_speculator
from train.simulsa_sft.start import open_audio_language_model, run_of, weights_at


class TranslatorSpeculator:
    """`train.simulsa_augment.speculation.ReadingModel` over Whisper, REINA and the like."""

    def __init__(self, translator: Translator, weights: str, source: str, targets: Sequence[str]) -> None:
        """weights: where they were read. Raises InputError for languages that the model cannot do."""
        tokenizer = translator.tokenizer
        self._translator = translator
        self.weights = weights
        self._prompts = {target: tokenizer.prompt(source, target) for target in targets}
        self.vocabulary_size = tokenizer.vocabulary_size
        self.encode = tokenizer.encode_sentence
        self.decode = tokenizer.decode
        self.maximum_audio_ms = translator.maximum_audio_ms
        self.maximum_text = translator.maximum_tokens - max(map(len, self._prompts.values()))

    @torch.inference_mode()
    def probabilities(
        self, waveforms: Sequence[np.ndarray], targets: Sequence[str], texts: Sequence[Sequence[int]]
    ) -> list[np.ndarray]:
        memory = self._translator.encode(waveforms)
        # A token is predicted at the place before it; the last of the prompt predicts the first.
        read = [[*self._prompts[target], *text[:-1]] for target, text in zip(targets, texts, strict=True)]
        _, reading = self._translator.read(memory, read, [len(text) for text in texts])
        likely = []
        for row, (text, length) in enumerate(zip(texts, reading.lengths.tolist(), strict=True)):
            hidden = reading.hidden[row, length - len(text) : length]
            tokens = torch.tensor(text, device=hidden.device).long()
            told = self._translator.predict(hidden).gather(1, tokens[:, None])[:, 0]
            # Signs that are never written, such as a Whisper's quotation marks, say nothing about the audio.
            likely.append(told.exp().where(told > -torch.inf, 1.0).cpu().numpy())
        return likely


def open_other(name: str, options: TranslatorOptions, source: str, targets: Sequence[str]) -> ReadingModel:
    """A model that labels, by name or path: of an audio-language model as it would label for itself.

    Raises InputError if it cannot be used.
    """
    if run_of(locate_model(name)) is not None:
        return open_speculator(name, options, source, targets)
    path = base_model(name)
    config = path / "config.json"
    if config.is_file() and read_json(config).get("model_type") in FAMILIES:
        return open_speculator(str(path), options, source, targets)
    return TranslatorSpeculator(*open_translator(name, options), source, targets)


def open_translator(name: str, options: TranslatorOptions) -> tuple[Translator, str]:
    """A model by name or path, also one in training, and where its weights were read.

    Raises InputError if it cannot read a text to a clip.
    """
    path = locate_model(name)
    if run_of(path) is not None:
        weights = weights_at(path)
        model = open_audio_language_model(weights, options)
        return AudioLanguageTranslator(model, options), str(weights.absolute())
    translator = load_translator(name, options)
    if translator.reads_text or not translator.reads_ahead:
        raise InputError(f"{name} cannot read a text to a clip that it hears: give another --labeller")
    return translator, str(base_model(name))
