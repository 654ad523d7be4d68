"""A multilingual SentencePiece model, with language tags behind its pieces.

Ids below the number of pieces are those of the SentencePiece file; behind them stands one tag for each
language that can be written, in the order of the model's configuration: `<en>`, `<de>` ... A decoder
starts from the tag of the target language alone.

Shapes: V vocabulary, pieces and tags together.
"""

from collections.abc import Sequence
from pathlib import Path

from sentencepiece import SentencePieceProcessor

from foundation.errors import InputError
from models.decoding.token_texts import TokenTexts
from models.language_pairs import ListedPairs
from models.storage.model_files import refuse_lfs_pointer

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # SentencePiece's sign for a space


class SentencePieceTokenizer(TokenTexts):
    """Tokenizer of one model: pieces from a file, languages from the model's configuration."""

    def __init__(
        self,
        file: Path,
        languages: Sequence[str],
        source_languages: Sequence[str],
        vocabulary_size: int | None = None,
        target_languages: Sequence[str] | None = None,
    ) -> None:
        """languages: codes that have a tag each; source_languages: codes that are understood.

        vocabulary_size: V of the network, where there is one already. target_languages: those of
        `languages` that the model has learned to write; None: all. Raises InputError if the file cannot be
        read, has no end of sequence or another size, or if languages are missing or double.
        """
        if not languages or not source_languages:
            raise InputError("a model needs at least one language to write and one to understand, got none")
        if len(set(languages)) < len(languages):
            raise InputError(f"each language has one tag, got {', '.join(languages)}: name each once")
        self._pieces = SentencePieceProcessor()
        refuse_lfs_pointer(file)
        try:
            self._pieces.LoadFromSerializedProto(file.read_bytes())
            texts = [self._piece_bytes(piece) for piece in range(len(self._pieces))]
        except (OSError, RuntimeError, ValueError):  # ValueError: pieces that are no text
            raise InputError(
                f"{file} is missing, damaged or no SentencePiece model: copy it from the model's folder again"
            ) from None
        self.file = file
        self.languages = tuple(languages)
        self.source_languages = tuple(source_languages)
        self.target_languages = self.languages if target_languages is None else tuple(target_languages)
        if not self.target_languages or not set(self.target_languages) <= set(languages):
            raise InputError(
                f"the languages that a model writes have tags ({', '.join(languages)}), but it shall write "
                f"{', '.join(self.target_languages) or 'none'}: name some of those with a tag"
            )
        self._pairs = ListedPairs(self.target_languages, self.source_languages)
        self.pieces = len(self._pieces)
        self.vocabulary_size = self.pieces + len(languages)
        self.end_of_sequence = self._pieces.eos_id()
        if self.end_of_sequence < 0:
            raise InputError(f"{file} has no end of sequence: train it with eos_id 0 or more")
        if vocabulary_size not in (None, self.vocabulary_size):
            raise InputError(
                f"{file} has {self.pieces} pieces, {self.vocabulary_size} tokens with the language tags, but "
                f"the model has {vocabulary_size} tokens: copy the tokenizer of the same model"
            )
        self._bytes = texts + [b""] * len(languages)

    def that_writes(self, target_languages: Sequence[str] | None) -> "SentencePieceTokenizer":
        """The same for a model that has learned to write these; None: all that have a tag."""
        return SentencePieceTokenizer(
            self.file, self.languages, self.source_languages, self.vocabulary_size, target_languages
        )

    def language_code(self, language: str) -> str:
        """Code of a language given by code, region or name. Raises InputError for an unknown one."""
        return self._pairs.code(language)

    def tag(self, language: str) -> int:
        """The token `<language>`. Raises InputError for a language that cannot be written."""
        return self.pieces + self.languages.index(self._pairs.written_code(language))

    def context_prompt(self, context: Sequence[int]) -> list[int]:
        """Nothing: these models know no earlier text."""
        return []

    def prompt(self, source_language: str, target_language: str) -> list[int]:
        """The target language's tag. Raises InputError for a pair that the model cannot do."""
        _, target = self._pairs.pair(source_language, target_language)
        return [self.tag(target)]

    def encode(self, text: str) -> list[int]:
        """Text tokens only: no tag in front, no end of sequence behind."""
        return self._pieces.EncodeAsIds(text)

    encode_sentence = encode  # the pieces of a first word carry a space already

    def _piece_bytes(self, id: int) -> bytes:
        """What a piece adds to the text; nothing for control tokens and the unknown one."""
        piece = self._pieces.IdToPiece(id)
        if self._pieces.IsByte(id):
            return bytes([int(piece[1:-1], 16)])  # "<0x0A>"
        if self._pieces.IsControl(id) or self._pieces.IsUnknown(id) or self._pieces.IsUnused(id):
            return b""
        return piece.replace(SPACE, " ").encode()
