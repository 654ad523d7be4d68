"""Lists of words beside a model's weights: words.de.txt, UTF-8, a word a line (`simulst prepare words`)."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from foundation.errors import InputError

LETTERS = re.compile(r"[^\W\d_]+")
LAST_LETTERS = re.compile(r"[^\W\d_]*$")
SHORTEST_PART = 4  # of a compound, in letters
JOINTS = {"de": ("", "s", "es", "n", "en")}  # between the parts of a compound, by language


class WordList:
    """Words of one language: runs of letters, without regard to capitals but in compounds.

    German writes words together; such a compound ends in a noun, which the list has with a capital.
    """

    def __init__(self, words: Iterable[str], language: str) -> None:
        """words: as they stand inside of a sentence; an apostrophe or hyphen parts a word in two."""
        runs = {run for word in words for run in LETTERS.findall(word)}
        self._known = frozenset(run.lower() for run in runs)
        self._sorted = sorted(self._known)
        self._joints = JOINTS.get(language, ())
        nouns = {run.lower() for run in runs if run[0].isupper() and len(run) >= SHORTEST_PART}
        self._nouns = frozenset(nouns if self._joints else ())
        self._sorted_nouns = sorted(self._nouns)
        self.allows = lru_cache(maxsize=1 << 17)(self._allows)

    def __len__(self) -> int:
        return len(self._known)

    def has(self, word: str) -> bool:
        """Whether lower-case `word` is one of the list, or a compound of two."""
        return word in self._known or any(rest in self._nouns for rest in self._behind_first_part(word))

    def begins(self, letters: str) -> bool:
        """Whether some word, or compound of two, begins with lower-case `letters`."""
        return _is_prefix(letters, self._sorted) or any(
            _is_prefix(rest, self._sorted_nouns) for rest in self._behind_first_part(letters)
        )

    def _allows(self, begun: str, added: str | None) -> bool:
        """Whether `added` may come behind the letters of a word that is `begun`; None: the text's end."""
        if added is None:
            return not begun or self.has(begun.lower())
        text = (begun + added).lower()
        open_word = LAST_LETTERS.search(text).group()
        whole = LETTERS.findall(text[: len(text) - len(open_word)])
        return all(map(self.has, whole)) and (not open_word or self.begins(open_word))

    def _behind_first_part(self, letters: str) -> Iterable[str]:
        """What is left behind each listed word, not too short, that `letters` begin with, and its joint."""
        for place in range(SHORTEST_PART, len(letters) + 1) if self._joints else ():
            first = letters[:place]
            stems = (first.removesuffix(joint) for joint in self._joints if first.endswith(joint))
            if any(len(stem) >= SHORTEST_PART and stem in self._known for stem in stems):
                yield letters[place:]


def _is_prefix(letters: str, words: Sequence[str]) -> bool:
    """Whether one of sorted words begins with the letters."""
    place = bisect_left(words, letters)
    return place < len(words) and words[place].startswith(letters)


def composed(text: str) -> str:
    """The text with its letters as tokenizers write them: ü as one character, not as u with a mark behind."""
    return unicodedata.normalize("NFC", text)


def word_list_name(language: str) -> str:
    return f"words.{language}.txt"


def read_word_lists(folder: Path, languages: Sequence[str]) -> dict[str, WordList]:
    """The lists in a model's folder, by language.

    Raises InputError for one that is no text, empty, or of another language than those.
    """
    paths = {language: folder / word_list_name(language) for language in languages}
    others = sorted(path.name for path in folder.glob(word_list_name("*")) if path not in paths.values())
    if others:
        raise InputError(
            f"{folder / others[0]} is of no language that the model writes ({', '.join(languages)}): "
            "rename or remove it"
        )
    return {
        language: read_word_list(path, language)
        for language, path in paths.items()
        if path.exists() or path.is_symlink()
    }


def read_word_list(path: Path, language: str) -> WordList:
    """Raises InputError for a file that is no text or has no word."""
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no file: put a list of words there, or remove it")
    try:
        words = WordList(composed(path.read_text(encoding="utf-8")).split(), language)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text in UTF-8: write it so, a word a line") from None
    if not len(words):
        raise InputError(f"{path} has no words: fill it, or remove it to let the model write any")
    return words
