"""Tokenizers of text translators: pieces with SentencePiece's sign for a space, and marks for languages.

Shapes: V vocabulary.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from foundation.errors import InputError
from models.decoding.token_texts import TokenTexts
from models.languages import LanguagePair
from models.storage.piece_bytes import piece_bytes
from models.text_translation.tokens import JsonPieces, SentencePieces, SourceTokens

# No text: unknown and padding, sentence marks, M2M-100's and NLLB's languages, Opus-MT's and MADLAD's
# targets, T5's and M2M-100's spare tokens.
NO_TEXT = re.compile(
    r"</?s>|<(unk|pad|mask|extra_id_\d+|2\w+)>|__\w+__|[a-z]{3}_[A-Z][a-z]{3}|>>\w+<<|madeupword\w+|\[\w+\]"
)


class TextTokenizer(TokenTexts, ABC):
    """Tokenizer of one model; a subclass knows the marks of its family."""

    def __init__(
        self,
        source: JsonPieces | SentencePieces,
        written: Mapping[str, int],
        vocabulary_size: int,
        end: str = "</s>",
    ) -> None:
        """source: cuts what is read. written: ids of the pieces that are written.

        Raises InputError for a vocabulary that is not that of a network of V tokens.
        """
        most = max(written.values(), default=-1)
        if end not in written or most >= vocabulary_size:
            fault = f"lacks {end}" if end not in written else f"has {most + 1} tokens"
            raise InputError(
                f"{source.file} {fault}, so it is not the tokenizer of this model of {vocabulary_size} "
                "tokens: copy the files of the same model"
            )
        self.vocabulary_size = vocabulary_size
        self.end_of_sequence: int = written[end]
        self._source, self._written = source, written
        self._bytes = [b""] * vocabulary_size
        for piece, id in written.items():
            self._bytes[id] = b"" if NO_TEXT.fullmatch(piece) else piece_bytes(piece)

    @abstractmethod
    def language_code(self, language: str) -> str:
        """Code of a language given by code, region or name. Raises InputError for an unknown one."""

    @abstractmethod
    def prompt(self, source_language: str, target_language: str) -> list[int]:
        """Tokens that every hypothesis starts with. Raises InputError for a pair the model cannot do."""

    @abstractmethod
    def marks(self, languages: LanguagePair) -> list[int]:
        """Tokens in front of a source text. Raises InputError for a pair the model cannot do."""

    def source(self, text: str, languages: LanguagePair) -> SourceTokens:
        """A source text in tokens, between the marks of its languages and the end of sequence."""
        before = self.marks(languages)
        tokens, ends = self._source.encode(text)
        words = len(before) + len(tokens)
        # The newest piece may be a space, or a character that the piece model counts twice.
        ends = [min(max(end, 0), len(text)) for end in ends]
        last = ends[-1] if ends else 0
        all_ends = (*[0] * len(before), *ends, last)
        return SourceTokens((*before, *tokens, self.end_of_sequence), all_ends, words)

    def context_prompt(self, context: Sequence[int]) -> list[int]:
        """Nothing: these models know no earlier text."""
        return []
