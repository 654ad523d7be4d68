"""How each family of text translators is told its languages.

Marian (Opus-MT) reads one language, or one family, and writes one, or one of several that a mark such as
>>deu<< in front of the source names. M2M-100 and NLLB have a token for each language: the source begins with
one, the hypothesis with the other. T5 reads a task in words, MADLAD a mark such as <2de>.
"""

import re
from collections.abc import Mapping, Sequence

from foundation.errors import InputError
from models.languages import (
    ENGLISH_NAMES,
    LanguagePair,
    canonical_language,
    find_language,
    language_code,
)
from models.text_translation.tokenizer import TextTokenizer
from models.text_translation.tokens import JsonPieces, SentencePieces

LANGUAGE_TOKEN = re.compile(r"__(\w+)__|([a-z]{3}_[A-Z][a-z]{3})")
# NLLB knows several forms of these; the first is meant where nobody says which.
USUAL_SCRIPTS = {"zh": "zho_Hans", "ar": "arb_Arab", "no": "nob_Latn", "az": "azj_Latn", "ku": "kmr_Latn"}
TASK = "translate {source} to {target}: "


class MarianTokenizer(TextTokenizer):
    def __init__(
        self,
        source: JsonPieces | SentencePieces,
        written: Mapping[str, int],
        vocabulary_size: int,
        start: int,
        declared: tuple[str | None, str | None],
    ) -> None:
        """start: what every hypothesis begins with. declared: codes of source and target; None: not told."""
        super().__init__(source, written, vocabulary_size)
        self._start = start
        self._declared = declared
        self.targets = {token[2:-2]: id for token, id in written.items() if re.fullmatch(r">>\w+<<", token)}

    def language_code(self, language: str) -> str:
        if self.targets:
            code = find_language(language, self.targets)
            if code is not None:
                return code
        return canonical_language(language)

    def prompt(self, source_language: str, target_language: str) -> list[int]:
        self.marks(LanguagePair(source_language, target_language))
        return [self._start]

    def marks(self, languages: LanguagePair) -> list[int]:
        for language, known, verb in zip(
            (languages.source, languages.target), self._declared, ("reads", "writes"), strict=True
        ):
            # Names of groups, such as ROMANCE, say nothing of one language.
            if known and canonical_language(known) in ENGLISH_NAMES:
                if canonical_language(known) != canonical_language(language):
                    raise InputError(
                        f"this model {verb} {known!r}, not {language!r}: give another --model, or language"
                    )
        if not self.targets:
            return []
        code = language_code(languages.target, self.targets)
        return [self.targets[code]]


class LanguageTokens(TextTokenizer):
    """M2M-100 and NLLB."""

    def __init__(
        self,
        source: JsonPieces | SentencePieces,
        written: Mapping[str, int],
        vocabulary_size: int,
        start: int,
    ) -> None:
        """start: as for MarianTokenizer. Raises InputError where there is no token of any language."""
        super().__init__(source, written, vocabulary_size)
        self._start = start
        found = {token: LANGUAGE_TOKEN.fullmatch(token) for token in written}
        self.languages = {match[1] or match[2]: written[token] for token, match in found.items() if match}
        if not self.languages:
            raise InputError(f"{source.file} has no token of any language: copy that of the same model")

    def language_code(self, language: str) -> str:
        usual = USUAL_SCRIPTS.get(canonical_language(language))
        if find_language(language, self.languages) is None and usual in self.languages:
            return usual
        return language_code(language, self.languages)

    def prompt(self, source_language: str, target_language: str) -> list[int]:
        self.language_code(source_language)
        return [self._start, self.languages[self.language_code(target_language)]]

    def marks(self, languages: LanguagePair) -> list[int]:
        return [self.languages[self.language_code(languages.source)]]


class TaskTokenizer(TextTokenizer):
    """T5."""

    def __init__(
        self,
        source: JsonPieces | SentencePieces,
        written: Mapping[str, int],
        vocabulary_size: int,
        start: int,
        pairs: Sequence[tuple[str, str]] = (),
        task: str | None = None,
    ) -> None:
        """pairs: codes of the languages that the model has learned; none: nobody says which.

        task: text in front of every source, with {source} and {target} for the languages' English names;
        None: `TASK`, or a mark of the target where the vocabulary has such.
        """
        super().__init__(source, written, vocabulary_size)
        self._start, self._pairs, self._task = start, tuple(pairs), task
        self.targets = {token[2:-1]: id for token, id in written.items() if re.fullmatch(r"<2\w+>", token)}

    def language_code(self, language: str) -> str:
        code = canonical_language(language)
        if code not in ENGLISH_NAMES:
            return language_code(language, ENGLISH_NAMES)
        return code

    def prompt(self, source_language: str, target_language: str) -> list[int]:
        self.marks(LanguagePair(source_language, target_language))
        return [self._start]

    def marks(self, languages: LanguagePair) -> list[int]:
        pair = self.language_code(languages.source), self.language_code(languages.target)
        if self._pairs and pair not in self._pairs:
            known = ", ".join(f"{source}-{target}" for source, target in self._pairs)
            raise InputError(f"this model does not translate {pair[0]!r} into {pair[1]!r}: it does {known}")
        if self.targets and self._task is None:
            return [self.targets[language_code(languages.target, self.targets)]]
        task = (TASK if self._task is None else self._task).replace("{source}", ENGLISH_NAMES[pair[0]])
        return self._source.encode(task.replace("{target}", ENGLISH_NAMES[pair[1]]).rstrip())[0]
