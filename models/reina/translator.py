"""REINA's speech-to-text model behind the Translator interface, so that every policy runs on it."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from models.reina.folder import load_reina
from models.reina.network import Reina
from models.reina.sentencepiece_tokenizer import SentencePieceTokenizer
from models.speech_translator import SpeechTranslator
from models.storage.word_lists import WordList, read_word_lists
from models.translator import TranslatorOptions


class ReinaTranslator(SpeechTranslator):
    """The offline translator; with a policy beside it, `models.registry` makes it simultaneous."""

    def __init__(
        self,
        model: Reina,
        tokenizer: SentencePieceTokenizer,
        options: TranslatorOptions,
        word_lists: Mapping[str, WordList] = MappingProxyType({}),
    ) -> None:
        """word_lists: of languages in which no other words are written."""
        # Rounded to half precision, a wave's frequency is out of phase within seconds.
        positions = copy.deepcopy(model.positions).float()
        super().__init__(model, tokenizer, options)
        self.model.positions = positions.to(self.device).requires_grad_(False)
        self._word_lists = {tokenizer.tag(language): words for language, words in word_lists.items()}

    def word_list(self, prompt: Sequence[int]) -> WordList | None:
        return self._word_lists.get(prompt[0])


def load_reina_translator(path: Path, options: TranslatorOptions) -> ReinaTranslator:
    """Load a model folder (`models.reina.folder`). Raises InputError if it cannot be used."""
    model, tokenizer = load_reina(path)
    return ReinaTranslator(model, tokenizer, options, read_word_lists(path, tokenizer.languages))
