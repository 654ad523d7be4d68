"""What pieces of a vocabulary in SentencePiece's writing add to a text."""

import re

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # SentencePiece's sign for a space
BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def piece_bytes(piece: str) -> bytes:
    """The text of a piece; of one that stands for a byte, that byte. Control pieces are the caller's."""
    if byte := BYTE.fullmatch(piece):
        return bytes.fromhex(byte[1])
    return piece.replace(SPACE, " ").encode()
