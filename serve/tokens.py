"""Tokens of simulstream's log: words that hold their spaces, so that nothing stands between them."""

import re

# A word with the space before it; at the end also the space behind.
TOKEN = re.compile(r"\s*\S+(?:\s+$)?|\s+$")


def tokens(text: str) -> list[str]:
    """The tokens of a piece of text; joined they are the text."""
    return TOKEN.findall(text)
