"""Tokens of a source text, and how text is cut into them.

Shapes: V vocabulary.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sentencepiece import SentencePieceProcessor

from foundation.errors import InputError
from models.storage.model_files import refuse_lfs_pointer
from models.storage.tokenizer_files import read_tokenizer


@dataclass(frozen=True)
class SourceTokens:
    """A source text in tokens, with the marks that its translator wants around it."""

    tokens: tuple[int, ...]
    ends: tuple[int, ...]  # characters of the text up to the end of each token; 0: a mark in front of it
    words: int  # tokens that are text, or stand in front of it; behind them are marks without a time


class JsonPieces:
    """Hugging Face's tokenizer.json."""

    def __init__(self, file: Path) -> None:
        """Raises InputError where it cannot be read."""
        self.file = file
        self._tokenizer = read_tokenizer(file)
        # Text that happens to spell a mark is text.
        self._tokenizer.encode_special_tokens = True
        self.ids: Mapping[str, int] = self._tokenizer.get_vocab(with_added_tokens=True)

    def encode(self, text: str) -> tuple[list[int], list[int]]:
        """Ids of pieces, and the characters of the text up to the end of each."""
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        return encoded.ids, [end for _, end in encoded.offsets]


class SentencePieces:
    """A SentencePiece model, whose pieces have ids of their own or those that a vocabulary gives them."""

    def __init__(self, file: Path, ids: Mapping[str, int] | None = None, unknown: str = "<unk>") -> None:
        """Raises InputError where it cannot be read, or the vocabulary has no id for what is unknown."""
        self.file = file
        self._pieces = SentencePieceProcessor()
        refuse_lfs_pointer(file)
        try:
            self._pieces.LoadFromSerializedProto(file.read_bytes())
            names = [self._pieces.IdToPiece(piece) for piece in range(len(self._pieces))]
        except (OSError, RuntimeError, ValueError):
            raise InputError(
                f"{file} is missing, damaged or no SentencePiece model: copy it from the model's folder again"
            ) from None
        self.ids = {name: id for id, name in enumerate(names)} if ids is None else ids
        if unknown not in self.ids:
            raise InputError(f"the vocabulary of {file} has no {unknown}: copy that of the same model")
        self._unknown = self.ids[unknown]

    def encode(self, text: str) -> tuple[list[int], list[int]]:
        """Ids of pieces, and the characters of the text up to the end of each."""
        pieces = self._pieces.Encode(text, out_type="immutable_proto").pieces
        return [self.ids.get(one.piece, self._unknown) for one in pieces], [one.end for one in pieces]
