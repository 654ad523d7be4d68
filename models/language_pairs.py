"""Which languages a model understands and writes, and which of them together: rules of the families.

Tokenizers ask them for prompts; whoever is to tell a user of a wrong language before weights are loaded reads
them from the model's folder (`models.folder_languages`).
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from foundation.errors import InputError
from models.languages import find_language, language_code

# OpenAI's English-only checkpoints share one vocabulary, which holds language tokens that were never
# trained; only its size tells.
ENGLISH_ONLY_VOCABULARY_SIZE = 51_864
# Of canary-1b-v2 (arXiv 2509.14128).
CANARY_LANGUAGES = tuple("bg hr cs da nl en et fi fr de el hu it lv lt mt pl pt ro ru sk sl es sv uk".split())


class LanguagePairs(ABC):
    """Of one model. Languages are given as codes ("de"), with a region ("de-CH") or as English names."""

    @abstractmethod
    def code(self, language: str) -> str:
        """The model's code of a language. Raises InputError for one that it does not know."""

    @abstractmethod
    def pair(self, source: str, target: str) -> tuple[str, str]:
        """The codes of what is spoken and what is written.

        Raises InputError for a language that the model does not know, or a pair that it cannot do.
        """


@dataclass(frozen=True)
class WhisperPairs(LanguagePairs):
    """Each language into itself and into English."""

    codes: tuple[str, ...]
    multilingual: bool  # False: English only, as those with .en in their names

    @classmethod
    def of_vocabulary(cls, tokens: Iterable[str], vocabulary_size: int) -> "WhisperPairs":
        """tokens: all texts of tokens, of which <|de|> and its like name languages. vocabulary_size: V."""
        codes = [token[2:-2] for token in tokens if re.fullmatch(r"<\|[a-z]{2,3}\|>", token)]
        multilingual = vocabulary_size != ENGLISH_ONLY_VOCABULARY_SIZE and len(codes) > 1
        return cls(tuple(sorted(codes)) if multilingual else ("en",), multilingual)

    def code(self, language: str) -> str:
        if not self.multilingual and find_language(language, self.codes) is None:
            raise InputError(
                f"language {language!r} is not known to this English-only Whisper: it transcribes 'en' into "
                "'en': let both languages be en, or give a model without '.en' in its name"
            )
        return language_code(language, self.codes)

    def pair(self, source: str, target: str) -> tuple[str, str]:
        codes = self.code(source), self.code(target)
        if codes[1] not in (codes[0], "en"):
            raise InputError(
                f"Whisper cannot translate {codes[0]!r} into {codes[1]!r}: it transcribes a language into "
                "itself and translates into 'en'"
            )
        return codes


@dataclass(frozen=True)
class CanaryPairs(LanguagePairs):
    """Each language into itself, into English and from English."""

    codes: tuple[str, ...]

    def code(self, language: str) -> str:
        return language_code(language, self.codes)

    def pair(self, source: str, target: str) -> tuple[str, str]:
        codes = self.code(source), self.code(target)
        if codes[0] != codes[1] and "en" not in codes:
            raise InputError(
                f"Canary cannot translate {codes[0]!r} into {codes[1]!r}: it transcribes a language into "
                "itself and translates from and into 'en'"
            )
        return codes


@dataclass(frozen=True)
class ListedPairs(LanguagePairs):
    """Whatever is understood into whatever is written."""

    written: tuple[str, ...]
    understood: tuple[str, ...]

    def code(self, language: str) -> str:
        return language_code(language, dict.fromkeys((*self.written, *self.understood)))

    def written_code(self, language: str) -> str:
        """Raises InputError for a language that cannot be written."""
        code = self.code(language)
        if code not in self.written:
            raise InputError(
                f"the model understands {code!r} but does not write it: it writes {', '.join(self.written)}"
            )
        return code

    def pair(self, source: str, target: str) -> tuple[str, str]:
        spoken = self.code(source)
        if spoken not in self.understood:
            raise InputError(
                f"the model writes {spoken!r} but does not understand it: it understands "
                f"{', '.join(self.understood)}"
            )
        return spoken, self.written_code(target)
