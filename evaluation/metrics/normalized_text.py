"""Text without case and punctuation: what counts as the same word."""

import re
import unicodedata

APOSTROPHES = str.maketrans("\u2018\u2019\u02bc", "'''")


def normalize(text: str) -> str:
    """Words of `text` in lower case without punctuation, separated by single spaces.

    Unicode form NFKC; whatever is no letter, mark or number separates words (so "good-bye" is two),
    except an apostrophe within a word ("it's"), which is kept in its straight form.
    """
    text = unicodedata.normalize("NFKC", text).lower().translate(APOSTROPHES)
    text = "".join(
        character if character == "'" or unicodedata.category(character)[0] in "LMN" else " "
        for character in text
    )
    return " ".join(re.sub(r"(?<!\S)'+|'+(?!\S)", " ", text).split())
