"""REINA's speech-to-text model behind the Translator interface, so that every policy runs on it."""

import copy
from pathlib import Path

from models.reina.folder import load_reina
from models.reina.network import Reina
from models.reina.sentencepiece_tokenizer import SentencePieceTokenizer
from models.speech_translator import SpeechTranslator
from models.translator import TranslatorOptions


class ReinaTranslator(SpeechTranslator):
    """The offline translator; with a policy beside it, `models.registry` makes it simultaneous."""

    def __init__(self, model: Reina, tokenizer: SentencePieceTokenizer, options: TranslatorOptions) -> None:
        # Rounded to half precision, a wave's frequency is out of phase within seconds.
        positions = copy.deepcopy(model.positions).float()
        super().__init__(model, tokenizer, options)
        self.model.positions = positions.to(self.device).requires_grad_(False)


def load_reina_translator(path: Path, options: TranslatorOptions) -> ReinaTranslator:
    """Load a model folder (`models.reina.folder`). Raises InputError if it cannot be used."""
    model, tokenizer = load_reina(path)
    return ReinaTranslator(model, tokenizer, options)
