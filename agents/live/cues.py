"""Words -> cues of subtitles: whole sentences where they fit, never two at once, each once it is complete.

A cue begins where its first word was heard, ends where its last one was, and stays long enough to be read. So
it is known when the next one has begun: a subtitle is a sentence late, as it must be.
"""

import re
from dataclasses import dataclass, replace

from agents.live.sentences import ends_sentence
from agents.live.word import Word, text_of

LONGEST_TEXT = 84  # characters: two lines of 42, the usual limits of subtitles
LONGEST_LINE = 42
LONGEST_S = 7.0
SHORTEST_S = 1.0
READ_PER_S = 17.0  # characters
# Nobody speaks for longer within a cue.
LONGEST_GAP_S = 3.0
# Of text without spaces.
PIECE = re.compile(rf"[^。！？]{{1,{LONGEST_TEXT - 2}}}[。！？]*|[。！？]+")
# Behind these a sentence that is too long is cut.
WEAK = tuple(",;:–—、，；：")


@dataclass(frozen=True)
class Cue:
    """What is shown at once."""

    begin_s: float
    end_s: float
    text: str  # one line, or two with a line break between them


class CueMaker:
    """Makes cues of one source's words."""

    def __init__(self) -> None:
        self._words: list[Word] = []  # of the cue that is being filled
        self._waiting: list[Word] = []  # of a complete cue whose end is not known
        self._end_s = 0.0  # of the last cue that was made

    def add(self, word: Word) -> list[Cue]:
        """The cues that are known with one more word."""
        return [cue for piece in _pieces(word) for cue in self._add(piece)]

    def finish(self) -> list[Cue]:
        """The rest."""
        made = self._close(len(self._words)) if self._words else []
        return made + self._made(None)

    def _add(self, word: Word) -> list[Cue]:
        made = self._close(self._leaving(word)) if self._words and not self._fits(word) else []
        self._words.append(word)
        if ends_sentence(word.text):
            made += self._close(len(self._words))
        return made

    def _fits(self, word: Word) -> bool:
        together = [*self._words, word]
        first_s, last_s = _heard_s(self._words[0]), max(map(_heard_s, self._words))
        gap_s = _heard_s(word) - last_s
        return (
            len(text_of(together)) <= LONGEST_TEXT
            and _heard_s(word) - first_s <= LONGEST_S
            and gap_s <= LONGEST_GAP_S
        )

    def _leaving(self, word: Word) -> int:
        """How many words go into the cue that is full: up to the last comma, where that is no small part."""
        if len(text_of([*self._words, word])) <= LONGEST_TEXT:
            return len(self._words)  # it is too long in time
        for count in range(len(self._words), 0, -1):
            some = self._words[:count]
            if some[-1].text.endswith(WEAK) and len(text_of(some)) >= LONGEST_TEXT / 3:
                return count
        return len(self._words)

    def _close(self, count: int) -> list[Cue]:
        """So many words make a cue; the one before is known by its beginning."""
        complete, self._words = self._words[:count], self._words[count:]
        made = self._made(min(map(_heard_s, complete)))
        self._waiting = complete
        return made

    def _made(self, next_s: float | None) -> list[Cue]:
        """The cue that waits, where there is one. next_s: the next one would begin there."""
        if not self._waiting:
            return []
        text = text_of(self._waiting)
        times_s = [_heard_s(word) for word in self._waiting]
        begin_s = max(min(times_s), self._end_s)
        read_s = min(LONGEST_S, max(SHORTEST_S, len(text) / READ_PER_S))
        end_s = min(max(max(times_s), begin_s + read_s), begin_s + LONGEST_S)
        if next_s is not None:
            end_s = min(end_s, max(next_s, begin_s + SHORTEST_S))
        self._waiting, self._end_s = [], end_s
        return [Cue(begin_s, end_s, in_lines(text))]


def in_lines(text: str) -> str:
    """One line where it fits, else two of about the same length, broken at a space if there is one."""
    if len(text) <= LONGEST_LINE:
        return text
    spaces = [place for place, character in enumerate(text) if character == " "]
    middle = len(text) / 2
    if not spaces:
        return f"{text[: round(middle)]}\n{text[round(middle) :]}"
    place = min(spaces, key=lambda space: abs(space - middle))
    return f"{text[:place]}\n{text[place + 1 :]}"


def _pieces(word: Word) -> list[Word]:
    """What was written at once without spaces may hold several sentences, or more than fits."""
    texts = PIECE.findall(word.text)
    return [replace(word, text=text, continues=word.continues or at > 0) for at, text in enumerate(texts)]


def _heard_s(word: Word) -> float:
    return word.written_s if word.heard_s is None else word.heard_s
