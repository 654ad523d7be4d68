"""The text that is to be translated: words that somebody has recognised, each with the time of its end.

It takes the place of an AudioStream where a translator reads text: what is encoded of it are tokens, and each
ends at a time of the audio, so that policies and histories do as they do with frames.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from models.languages import LanguagePair


class SourceText:
    """One stream's words so far. Nothing of them is ever revised; the oldest may be forgotten."""

    def __init__(self, languages: LanguagePair) -> None:
        self.languages = languages
        self.text = ""  # what is remembered, without white space at its beginning
        self.changes = 0
        self.kept: Any = None  # what the translator has made of it, for its own use
        self._ends: list[int] = []  # of each piece: characters of `text` up to its end
        self._ends_ms: list[float] = []  # and when it ended, in ms from the start of the audio
        self._begin_ms = 0.0  # when the first piece began at the earliest
        self._start_ms = 0.0  # audio that has been forgotten

    def add(self, text: str, end_ms: float) -> None:
        """One more piece, with the white space in front of it if it begins a word.

        end_ms: from the start of the audio, forgotten audio included; a piece ends no earlier than the one
        before.
        """
        self.text = (self.text + text).lstrip()
        if not self.text:
            return
        self._ends.append(len(self.text))
        self._ends_ms.append(max(end_ms, self._ends_ms[-1] if self._ends_ms else self._begin_ms))
        self.changes += 1

    def forget_before(self, ms: float, start_ms: float) -> None:
        """Forget the pieces that ended by `ms`, and count times from start_ms on.

        Both are in ms from the start of the audio, forgotten audio included.
        """
        count = sum(end_ms <= ms for end_ms in self._ends_ms)
        cut = self._ends[count - 1] if count else 0
        # A tokenizer may take the rest for one that never had anything in front of it.
        rest = self.text[cut:].lstrip()
        cut = len(self.text) - len(rest)
        self.text = rest
        self._ends = [max(0, end - cut) for end in self._ends[count:]]
        self._ends_ms = self._ends_ms[count:]
        self._begin_ms = self._start_ms = start_ms
        self.changes += 1

    def times_ms(self, characters: Sequence[int]) -> list[float]:
        """When so many first characters of the text have been heard, in ms from what is remembered.

        Within a piece time goes evenly; 0 characters have been heard at 0.
        """
        return [self._time_ms(count) - self._start_ms for count in characters]

    def _time_ms(self, characters: int) -> float:
        if characters <= 0:
            return self._start_ms
        place = min(bisect_left(self._ends, characters), len(self._ends) - 1)
        begin = self._ends[place - 1] if place else 0
        begin_ms = self._ends_ms[place - 1] if place else self._begin_ms
        length = self._ends[place] - begin
        share = 1.0 if length <= 0 else min(1.0, (characters - begin) / length)
        return begin_ms + share * (self._ends_ms[place] - begin_ms)
