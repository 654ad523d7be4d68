"""Where sentences end in what is written word by word."""

import re

STRONG = ".!?。！？…"
WORD = re.compile(r"\S+")
CLOSING = "\"'”’»«)]」』“"
# Words that end in a full stop and no sentence. Single letters ("z. B.") and ordinals ("am 3. Mai") are
# known.
ABBREVIATIONS = frozenset(
    "bzw ca co dr etc evtl ggf inc jr mr mrs ms no nr prof sog sr st usw vgl vs m mme mlle env sra".split()
)


def ends_sentence(word: str) -> bool:
    """Whether a sentence ends with this word."""
    bare = word.rstrip(CLOSING)
    if not bare or bare[-1] not in STRONG:
        return False
    if not bare.endswith(".") or bare.endswith(".."):
        return True
    stem = bare[:-1].lstrip(CLOSING + "„(").lower()
    return not (stem.isdigit() or len(stem) == 1 and stem.isalpha() or stem in ABBREVIATIONS)


def sentence_ends(text: str, start: int = 0) -> list[int]:
    """Behind how many characters sentences end that do so behind `start`, which may lie in a word."""
    words = WORD.finditer(text, text.rfind(" ", 0, start) + 1)
    return [word.end() for word in words if word.end() > start and ends_sentence(word.group())]
