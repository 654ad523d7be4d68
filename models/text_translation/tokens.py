"""Tokens of a source text, and how text is cut into them.

Shapes: V vocabulary.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sentencepiece import SentencePieceProcessor

from foundation.errors import InputError
from models.storage.model_files import refuse_lfs_pointer
from models.storage.piece_bytes import SPACE
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
        pieces = self._pieces.EncodeAsPieces(text)
        return [self.ids.get(piece, self._unknown) for piece in pieces], piece_ends(pieces, text)


def piece_ends(pieces: Sequence[str], text: str) -> list[int]:
    """Characters of a text up to the end of each of its pieces.

    SentencePiece normalises the text before it cuts it, so that characters are counted within each word only;
    the last piece of a word ends with it.
    """
    words = [match.span() for match in re.finditer(r"\S+", text)]
    ends, word, passed = [], -1, 0
    for place, piece in enumerate(pieces):
        if piece.startswith(SPACE) or word < 0:
            word, passed = min(word + 1, len(words) - 1), 0
        passed += len(piece.lstrip(SPACE))
        begin, end = words[word]
        is_last = place + 1 == len(pieces) or pieces[place + 1].startswith(SPACE)
        ends.append(end if is_last else min(end, begin + passed))
    return ends
