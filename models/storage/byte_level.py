"""Byte-level BPE as GPT-2 writes it: the bytes that each token of a tokenizer file stands for."""

import re

from tokenizers import Tokenizer

from foundation.errors import InputError


def token_bytes(tokenizer: Tokenizer, vocabulary_size: int) -> list[bytes]:
    """Bytes of each of V tokens; none for special tokens and for ids that the file lacks.

    Raises InputError for a tokenizer that writes its tokens in another way.
    """
    to_latin1 = {0x100 + place: byte for place, byte in enumerate(_unprintable())}
    added = tokenizer.get_added_tokens_decoder()
    table = [b""] * vocabulary_size
    for token, id in tokenizer.get_vocab(with_added_tokens=True).items():
        if id not in added:
            try:
                table[id] = token.translate(to_latin1).encode("latin-1")
            except UnicodeEncodeError:
                raise InputError(f"its token {token!r} is not written in bytes as GPT-2's are") from None
        elif not re.fullmatch(r"<\|.*\|>", token):  # a word that fine-tuning added
            table[id] = token.encode()
    return table


def written(text: bytes) -> str:
    """How a token of these bytes is written."""
    return text.decode("latin-1").translate(
        {byte: 0x100 + place for place, byte in enumerate(_unprintable())}
    )


def _unprintable() -> list[int]:
    """Bytes that U+0100 on stands for; printable Latin-1 stands for itself."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    return [byte for byte in range(256) if byte not in printable]
