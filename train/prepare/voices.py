"""Speech synthesis behind one small interface: hibari-tts, espeak-ng, flite, and any command line.

A voice is written ENGINE or ENGINE:VOICE, as in `hibari`, `flite:rms`, `espeak-ng:en-gb`. An engine is a
command line with these places, filled for each text:

    {text}                the text; it never passes a shell, and never begins with - as an option does
    {text_file}           or a file that holds it, UTF-8
    {wav}                 the audio file to write, any rate
    {voice}               what stands behind the colon
    {speed}               1 is normal, 1.2 is 20% faster
    {stretch}             1 / speed
    {words_per_minute}    175 x speed
    {seed}                a whole number, of engines that vary
"""

import importlib.util
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from foundation.errors import InputError
from models.sound.audio import AudioIntake, read_audio

COMMANDS = {
    "espeak-ng": "espeak-ng -v {voice} -s {words_per_minute} -f {text_file} -w {wav}",
    "flite": "flite -voice {voice} --setf duration_stretch={stretch} -t {text} -o {wav}",
}
DEFAULT_VOICES = {"espeak-ng": "en", "flite": "slt", "hibari": "heart"}
TIMEOUT_S = 120.0  # for one text
LINE_ENDS = re.compile(r"[\t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]+")
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")


class Voice(Protocol):
    """One speaker of an engine; what it is given to say has passed `one_line`."""

    def speak(self, text: str, speed: float, seed: int) -> np.ndarray:
        """The text as (S,) float32 at 16 kHz. Raises InputError when it cannot be spoken."""


class HibariVoice:
    """A voice of hibari-tts: English, in this process, loaded when it speaks first."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._engine = None

    def speak(self, text: str, speed: float, seed: int) -> np.ndarray:
        if self._engine is None:
            from hibari import Hibari

            self._engine = Hibari(self.name)
        samples = self._engine(text, speed=speed, seed=seed)
        return AudioIntake().push(samples, self._engine.sample_rate, finished=True)


class CommandVoice:
    """A voice of any program that writes an audio file."""

    def __init__(self, template: str, name: str) -> None:
        """Raises InputError for a template with unknown places, or without a text and a wav, and for a name
        that the program would take for an option."""
        if name.startswith("-"):
            raise InputError(f"voice {name!r} would be an option of its program: give the name of a voice")
        self.name = name
        try:
            self._words = shlex.split(template)
            places = self._places("", Path(), 1.0, 0)
            filled = [word.format(**places) for word in self._words]
        except (KeyError, IndexError, ValueError) as error:
            known = ", ".join(f"{{{place}}}" for place in self._places("", Path(), 1.0, 0))
            raise InputError(
                f"command {template!r} cannot be filled ({error}): its places are {known}"
            ) from None
        if "{wav}" not in template or not ("{text}" in template or "{text_file}" in template):
            raise InputError(f"command {template!r} lacks {{wav}}, or {{text}} or {{text_file}}: add them")
        if shutil.which(filled[0]) is None:
            raise InputError(f"{filled[0]} is not installed here, or not on the path: install it first")

    def speak(self, text: str, speed: float, seed: int) -> np.ndarray:
        with tempfile.TemporaryDirectory(prefix="voice.") as folder:
            places = self._places(text, Path(folder), speed, seed)
            Path(places["text_file"]).write_text(text + "\n", encoding="utf-8")
            words = [word.format(**places) for word in self._words]
            try:
                run = subprocess.run(
                    words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S
                )
            except (OSError, ValueError, subprocess.TimeoutExpired) as error:
                raise InputError(f"{words[0]}: {error}") from None
            if run.returncode:
                last = (run.stderr.strip() or "it says nothing").splitlines()[-1]
                raise InputError(f"{words[0]} ended with status {run.returncode}: {last}")
            try:
                return read_audio(places["wav"])
            except InputError as error:
                reason = str(error).replace(folder, "").removeprefix("/")  # a temporary one, soon forgotten
                raise InputError(f"{words[0]} wrote no usable audio: {reason}") from None

    def _places(self, text: str, folder: Path, speed: float, seed: int) -> dict[str, str]:
        return {
            # A program reads no option in what begins with a space, and nobody hears the space.
            "text": f" {text}" if text.startswith("-") else text,
            "text_file": str(folder / "text.txt"),
            "wav": str(folder / "speech.wav"),
            "voice": self.name,
            "speed": f"{speed:.3f}",
            "stretch": f"{1 / speed:.3f}",
            "words_per_minute": str(round(175 * speed)),
            "seed": str(seed),
        }


def one_line(text: str) -> str:
    """The text as any engine can be given it: each run of tabs and line ends is one space.

    Raises InputError for a text with another control character: some engines stop there without a word.
    """
    found = CONTROL.search(text)
    if found:
        raise InputError(f"the text holds the control character U+{ord(found[0]):04X}: take it out")
    return LINE_ENDS.sub(" ", text).strip()


def open_voice(voice: str, commands: Mapping[str, str]) -> Voice:
    """The voice ENGINE[:VOICE]; commands: further engines by name, or others in place of those here.

    Raises InputError for an unknown engine and for one that is not installed.
    """
    engine, _, name = voice.partition(":")
    templates = COMMANDS | dict(commands)
    if engine in templates:
        return CommandVoice(templates[engine], name or DEFAULT_VOICES.get(engine, ""))
    if engine != "hibari":
        known = ", ".join(["hibari", *templates])
        raise InputError(f"voice {voice!r} has no known engine: give {known}, or add it with --commands")
    if importlib.util.find_spec("hibari") is None:
        raise InputError("hibari-tts is not installed: pip install -e '.[tts]'")
    return HibariVoice(name or DEFAULT_VOICES["hibari"])
