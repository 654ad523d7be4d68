"""How far a live translation is, and whether it keeps up: its real-time factor is its time by the audio's."""

import sys
import time
from pathlib import Path

from agents.live.screen import Screen
from agents.live.stream import TranslationStream
from foundation.progress import INTERVAL_S

DRAWN_S = 0.2  # a terminal's line is drawn no more often


class LiveProgress:
    """Says on a screen, or on standard error a line every 30 s, how far a stream is."""

    def __init__(
        self, name: str, total_s: float | None, stream: TranslationStream, screen: Screen | None
    ) -> None:
        """total_s: of the source; None: nobody knows. screen: None where standard error is no terminal."""
        self._name = Path(name).name  # a line of a terminal holds no long path
        self._total_s = total_s
        self._stream = stream
        self._screen = screen
        self._interval_s = INTERVAL_S if screen is None else DRAWN_S
        self._said_s = time.monotonic()

    def show(self) -> None:
        """Say it, where it was not said just now."""
        now_s = time.monotonic()
        if now_s - self._said_s < self._interval_s:
            return
        self._said_s = now_s
        if self._screen is None:
            print(self.line(), file=sys.stderr, flush=True)
        else:
            self._screen.status(self.line())

    def line(self) -> str:
        """What is said."""
        of = "" if self._total_s is None else f" of {max(self._total_s, self._stream.heard_s):.1f}"
        return f"{self._name}: {self._stream.heard_s:.1f}{of} s heard, {_factor(self._stream)}"

    def last_line(self) -> str:
        """What is said when the source has ended."""
        words = len(self._stream.words)
        return f"{self._name}: {self._stream.heard_s:.1f} s, {words} words, {_factor(self._stream)}"


def _factor(stream: TranslationStream) -> str:
    factor = stream.compute_s / stream.heard_s if stream.heard_s else 0.0
    return f"real-time factor {factor:.2f}"
