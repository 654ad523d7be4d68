"""The work of `simulst translate`: sources are translated one after another, and shown or written."""

import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agents.live.formats import FORMATS, Format, WordLines
from agents.live.output import TextOutput
from agents.live.play import play
from agents.live.progress import LiveProgress
from agents.live.screen import Screen
from agents.live.translator import LiveTranslator
from foundation.errors import InputError
from models.sound.audio_source import AudioSource
from models.sound.microphone import Microphone


class Session:
    """One translator, and one format for all that it writes."""

    def __init__(self, translator: LiveTranslator, kind: str, realtime: bool) -> None:
        """kind: a name of FORMATS. realtime: no source is heard faster than it was spoken."""
        self._translator = translator
        self._kind = kind
        self._realtime = realtime

    def translate(self, sources: Sequence[AudioSource], outputs: Sequence[Path | None]) -> None:
        """Translate each source to its output; None is standard output.

        Raises InputError for a source that is damaged, after what comes before; and once all have been heard,
        for those in which nothing was said.
        """
        silent = [
            source.name
            for source, path in zip(sources, outputs, strict=True)
            if not self._translate(source, path, named=len(sources) > 1 and path is None)
        ]
        if silent:
            raise InputError(
                f"no words were written about {', '.join(silent)}, where nobody is heard to speak: "
                "listen to it, or decode silence, too, by --decode-silence"
            )

    def _translate(self, source: AudioSource, path: Path | None, named: bool) -> bool:
        """Returns whether there were any words. named: the source's name stands before them."""
        stream = self._translator.open()
        form = self._format(path)
        screen = _screen(form, path)
        progress = LiveProgress(source.name, source.duration_s, stream, screen)
        with TextOutput(path) as output, _ended_by_interrupt(source) as is_live:
            if named:
                output.write(_heading(form, source.name))
            try:
                for words in play(source, stream, self._realtime, catch_up=is_live):
                    for word in words:
                        if form is None:
                            screen.add(word)
                        else:
                            first = word is stream.words[0]
                            output.write((form.head if first else "") + form.add(word))
                    progress.show()
            finally:  # also where the user stops it, or the source is damaged: what was written is whole
                if form is not None:
                    output.write(form.finish())
                if screen is not None:
                    screen.close()
        print(progress.last_line(), file=sys.stderr, flush=True)
        return bool(stream.words)

    def _format(self, path: Path | None) -> Format | None:
        """None: words are drawn on the terminal."""
        if path is not None or self._kind != "text":
            return FORMATS[self._kind]()
        return None if sys.stdout.isatty() else WordLines()


def _screen(form: Format | None, path: Path | None) -> Screen | None:
    """Where words, or how far it is, are drawn: never among lines that go to the same terminal."""
    if form is None:
        return Screen(sys.stdout)
    lines_are_shown = path is None and sys.stdout.isatty()
    return Screen(sys.stderr) if sys.stderr.isatty() and not lines_are_shown else None


def _heading(form: Format | None, name: str) -> str:
    """What tells the words of one source from those of the next."""
    if form is None:
        return f"{name}\n"
    return f"# {name}\n" if isinstance(form, WordLines) else json.dumps({"source": name}) + "\n"


@contextmanager
def _ended_by_interrupt(source: AudioSource) -> Iterator[bool]:
    """Ctrl-C ends what is heard from a microphone, and the rest of it is written; a second one stops all.

    Gives whether the source is heard while it is spoken.
    """
    if not isinstance(source, Microphone):
        yield False
        return

    def end(*_: object) -> None:
        signal.signal(signal.SIGINT, earlier)
        source.end()

    earlier = signal.signal(signal.SIGINT, end)
    try:
        yield True
    finally:
        signal.signal(signal.SIGINT, earlier)
