"""What is written in a format, word by word: text, a line for each word, JSON, or subtitles (SRT, WebVTT).

Each piece is a whole of its kind (a line, an object, a cue), so that what was written is good whenever it
ends.
"""

import dataclasses
import html
import json
from typing import ClassVar, Protocol

from agents.live.cues import Cue, CueMaker
from agents.live.sentences import ends_sentence
from agents.live.word import Word, text_of


class Format(Protocol):
    """Text of one source in some format."""

    suffix: ClassVar[str]  # of a file in it
    head: ClassVar[str]  # what stands before the first word

    def add(self, word: Word) -> str:
        """What one more word adds."""

    def finish(self) -> str:
        """What was held back."""


class Sentences:
    """A line for each sentence, without times."""

    suffix = ".txt"
    head = ""

    def __init__(self) -> None:
        self._words: list[Word] = []

    def add(self, word: Word) -> str:
        self._words.append(word)
        return self.finish() if ends_sentence(word.text) else ""

    def finish(self) -> str:
        text, self._words = text_of(self._words), []
        return f"{text}\n" if text else ""


class WordLines:
    """A line for each word once it is written: the seconds of audio heard by then, a tab, the word.

    What continues the word before, as in languages without spaces, has a second tab in front.
    """

    suffix = ".txt"
    head = ""

    def add(self, word: Word) -> str:
        return f"{word.written_s:.3f}\t{chr(9) if word.continues else ''}{word.text}\n"

    def finish(self) -> str:
        return ""


class JsonLines:
    """A JSON object in a line for each word, with the fields of `Word`, times to the ms."""

    suffix = ".jsonl"
    head = ""

    def add(self, word: Word) -> str:
        values = {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in dataclasses.asdict(word).items()
        }
        return json.dumps(values, ensure_ascii=False) + "\n"

    def finish(self) -> str:
        return ""


class SubRip:
    """SRT: numbered cues."""

    suffix = ".srt"
    head = ""

    def __init__(self) -> None:
        self._cues = CueMaker()
        self._count = 0

    def add(self, word: Word) -> str:
        return "".join(map(self._cue, self._cues.add(word)))

    def finish(self) -> str:
        return "".join(map(self._cue, self._cues.finish()))

    def _cue(self, cue: Cue) -> str:
        self._count += 1
        return f"{self._count}\n{_times(cue, ',')}\n{cue.text}\n\n"


class WebVtt:
    """WebVTT, which browsers show."""

    suffix = ".vtt"
    head = "WEBVTT\n\n"

    def __init__(self) -> None:
        self._cues = CueMaker()

    def add(self, word: Word) -> str:
        return "".join(map(_vtt_cue, self._cues.add(word)))

    def finish(self) -> str:
        return "".join(map(_vtt_cue, self._cues.finish()))


FORMATS: dict[str, type[Format]] = {"text": Sentences, "srt": SubRip, "vtt": WebVtt, "json": JsonLines}


def _vtt_cue(cue: Cue) -> str:
    return f"{_times(cue, '.')}\n{html.escape(cue.text, quote=False)}\n\n"


def _times(cue: Cue, point: str) -> str:
    return f"{_time(cue.begin_s, point)} --> {_time(cue.end_s, point)}"


def _time(seconds: float, point: str) -> str:
    whole, ms = divmod(round(1000 * seconds), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{ms:03}"
