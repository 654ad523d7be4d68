"""Words on a terminal while they are written: lines of text with times, and below them how far it is.

 1.5 s  Eine Frau in einem roten Mantel geht mit ihrem Hund am Strand
 4.0 s  entlang.
talk.m4a: 4.5 of 80.0 s heard, real-time factor 0.29
"""

import shutil
import unicodedata
from typing import TextIO

from agents.live.sentences import ends_sentence
from agents.live.word import Word

CLEAR_LINE, CLEAR_BELOW, UP = "\x1b[K", "\x1b[J", "\x1b[A"
DIM, PLAIN = "\x1b[2m", "\x1b[0m"
TIME_COLUMNS = 12


class Screen:
    """Draws on a terminal. The newest line is drawn again with each word, complete ones stay as they are."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._begin_s = 0.0  # when the first word of the newest line was written
        self._text = ""  # of the newest line
        self._status = ""

    def add(self, word: Word) -> None:
        """Show one more word. A sentence ends its line, and so does the terminal's edge."""
        text = self._text + word.text if word.continues or not self._text else f"{self._text} {word.text}"
        if self._text and columns(text) > self._width - TIME_COLUMNS - 1:
            self._end_line()
            text = word.text
        if not self._text:
            self._begin_s = word.written_s
        self._text = text
        if ends_sentence(word.text):
            self._end_line()
        self._draw()

    def status(self, status: str) -> None:
        """Show how far it is."""
        if status != self._status:
            self._status = status
            self._draw()

    def close(self) -> None:
        """End the newest line, and take the status away."""
        if self._text:
            self._end_line()
        self._write(f"\r{CLEAR_BELOW}")

    @property
    def _width(self) -> int:
        return max(40, shutil.get_terminal_size().columns)

    def _line(self) -> str:
        return f"{DIM}{self._begin_s:8.1f} s{PLAIN}  {self._text}"

    def _end_line(self) -> None:
        self._write(f"\r{self._line()}{CLEAR_LINE}\n{CLEAR_BELOW}")
        self._text = ""

    def _draw(self) -> None:
        status = f"{DIM}{self._status[: self._width - 1]}{PLAIN}"
        if self._text:
            self._write(f"\r{self._line()}{CLEAR_LINE}\n{status}{CLEAR_LINE}{UP}\r")
        else:
            self._write(f"\r{status}{CLEAR_BELOW}\r")

    def _write(self, text: str) -> None:
        self._terminal.write(text)
        self._terminal.flush()


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: those of East Asia are two wide, accents none."""
    wide = sum(unicodedata.east_asian_width(one) in "WF" for one in text)
    return len(text) + wide - sum(bool(unicodedata.combining(one)) for one in text)
