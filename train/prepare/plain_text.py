r"""Game-script typography -> plain sentences: capitals of emphasis, backslashes before quotes, white space.

Scripts for actors write the stressed word in capitals ("I had to INSPECT it."). Nobody hears capitals, so
a reference must not have them. Their normal form is looked up in the other lines of the same table:
the most frequent form that the word has inside a sentence. A word without such a form becomes lower
case, which is wrong for names and German nouns that occur in capitals only: score lower-cased.

Accents that a script leaves out on capitals (French SECURITE) are not restored.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
ESCAPED_PAIR = re.compile(r'\\"(?=\S)([^"]*?\S)\\"(?!\w)')
OPENING = "\"'¡¿«„“‘(- "


def plain_quotes(text: str) -> str:
    r"""Backslashes go: \"so\" becomes "so"; a lone \" is how scripts write the apostrophe before a word."""
    text = ESCAPED_PAIR.sub(r'"\1"', text).replace('\\"', "'")
    return " ".join(text.replace("\\", "").split())


class EmphasisCapitals:
    """Knows the normal form of the words of one language, from all its lines, and restores it."""

    def __init__(self, lines: Iterable[str], acronyms: Iterable[str] = ()) -> None:
        """Learns from all `lines`. acronyms: words whose capitals stay."""
        self.acronyms = frozenset(acronyms)
        forms: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for line in lines:
            for match in WORD.finditer(line):
                word = match.group()
                if not _is_capitals(word) and not _starts_sentence(line, match.start()):
                    forms[word.casefold()][word] += 1
        self._normal = {key: counts.most_common(1)[0][0] for key, counts in forms.items()}

    def lower(self, text: str) -> str:
        """The text with every word of two or more capitals in its normal form."""

        def normal(match: re.Match[str]) -> str:
            word = match.group()
            if not _is_capitals(word) or word in self.acronyms:
                return word
            word = self._normal.get(word.casefold(), word.lower())
            return word[0].upper() + word[1:] if _starts_sentence(text, match.start()) else word

        return WORD.sub(normal, text)


def _is_capitals(word: str) -> bool:
    return len(word) > 1 and word.isupper()


def _starts_sentence(text: str, position: int) -> bool:
    """At the start, or after . ! ? but not after an ellipsis, which continues a sentence as often as not."""
    before = text[:position].rstrip(OPENING)
    return not before or (before[-1] in ".!?" and not before.endswith(".."))
