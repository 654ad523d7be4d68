"""Texts -> synthetic speech: a manifest without audio becomes one with it.

    simulst prepare speak --manifest texts/manifest.tsv --language en \\
        --voices hibari=6 flite:rms=1 flite:awb=1 --slowest 0.95 --fastest 1.2 --output spoken

Each row is spoken by one voice, drawn by weight, at a speed drawn evenly. What a row draws depends on the
seed and its id alone, so neither its neighbours nor the number of processes change it.
`train.prepare.voices` says what a voice can be. Audio is written as 16 kHz FLAC, and voice and speed stand
in the manifest.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from foundation.command_line import named_values, settings_of
from foundation.errors import InputError
from foundation.files.journal import Journal, in_parts
from foundation.files.unfinished_folder import unfinished_folder
from models.sound.audio import SAMPLE_RATE
from train.data.manifest import Row, read_manifest
from train.prepare.corpora.clips import LONGEST_NAME, clip_path, finish, write_clip
from train.prepare.line_table import file_name
from train.prepare.options import SpeakOptions
from train.prepare.skipped import Skipped, report
from train.prepare.voices import Voice, one_line, open_voice
from train.prepare.workers_here import workers_in

ROWS_AT_ONCE = 16


@dataclass(frozen=True)
class Draw:
    """How a row is spoken."""

    voice: str
    speed: float
    seed: int


def draw(identifier: str, options: SpeakOptions) -> Draw:
    weights = options.weights()
    generator = random.Random(f"{options.seed} {identifier}" if options.seed else identifier)
    coin = generator.random() * sum(weights.values())
    speed = generator.uniform(options.slowest, options.fastest)
    seed = generator.randrange(2**31)
    ends = zip(weights, accumulate(weights.values()), strict=True)
    voice = next((voice for voice, end in ends if coin < end), list(weights)[-1])
    return Draw(voice, speed, seed)


def run(options: SpeakOptions) -> None:
    manifest = read_manifest(options.manifest)
    if options.language not in manifest.languages:
        known = ", ".join(manifest.languages)
        raise InputError(f"{options.manifest} has no column {options.language!r}: its languages are {known}")
    open_voices(options)
    rows, skipped = speakable(manifest.rows, options.language)
    digest = hashlib.sha256(options.manifest.read_bytes()).hexdigest()
    settings = {"command": "speak", **settings_of(options), "manifest": digest}
    with unfinished_folder(options.output, settings, options.overwrite) as folder:
        journal = Journal(folder)
        speak = partial(speak_rows, options=options, folder=folder)
        workers = workers_in(folder, options.jobs, options.executor)
        entries = journal.work_through(in_parts(rows, ROWS_AT_ONCE), speak, workers, start_voices, (options,))
        spoken: list[Row] = []
        for row, result in zip(rows, [result for entry in entries for result in entry], strict=True):
            if "seconds" in result:
                notes = {**row.notes, "voice": result["voice"], "speed": result["speed"]}
                spoken.append(replace(row, audio=clip_path(row.id), seconds=result["seconds"], notes=notes))
            else:
                skipped.append(Skipped(row.id, result["reason"], result["detail"]))
        finish(folder, spoken, skipped, manifest.languages)
    hours = sum(row.seconds or 0 for row in spoken) / 3600
    count = Counter(row.notes["voice"] for row in spoken)
    by = ", ".join(f"{voice} {number}" for voice, number in count.most_common())
    report(f"{len(spoken)} clips, {hours:.2f} hours ({by})", options.output, skipped)


def speakable(rows: Sequence[Row], language: str) -> tuple[list[Row], list[Skipped]]:
    """The rows with a text in the language and a file name of their own, and the other rows."""
    mute = [Skipped(row.id, f"no text in {language}") for row in rows if language not in row.texts]
    good, skipped = nameable([row for row in rows if language in row.texts])
    return good, mute + skipped


def nameable(rows: Sequence[Row]) -> tuple[list[Row], list[Skipped]]:
    """The rows whose id names a file of their own, and the other rows."""
    good: list[Row] = []
    skipped: list[Skipped] = []
    seen: set[str] = set()
    for row in rows:
        if len(file_name(row.id).encode()) > LONGEST_NAME:
            skipped.append(Skipped(row.id[:40], "its id cannot name a file"))
        elif file_name(row.id) in seen:
            skipped.append(Skipped(row.id, "another id gives the same file name"))
        else:
            good.append(row)
        seen.add(file_name(row.id))
    return good, skipped


class _Process:
    """The voices that one process keeps open."""

    voices: dict[str, Voice]


def open_voices(options: SpeakOptions) -> dict[str, Voice]:
    commands = named_values("--commands", options.commands, needs_value=True)
    return {voice: open_voice(voice, commands) for voice in options.weights()}


def start_voices(options: SpeakOptions) -> None:
    _Process.voices = open_voices(options)


def speak_rows(rows: Sequence[Row], options: SpeakOptions, folder: Path) -> list[dict[str, Any]]:
    """Writes the clips and returns a result for each row: its length, or the reason why there is none."""
    return [_speak(row, options, folder) for row in rows]


def _speak(row: Row, options: SpeakOptions, folder: Path) -> dict[str, Any]:
    drawn = draw(row.id, options)
    try:
        text = one_line(row.texts[options.language])
        samples = _Process.voices[drawn.voice].speak(text, drawn.speed, drawn.seed)
    except Exception as error:  # an engine may raise anything about a text, which then is one text less
        return {"reason": f"{drawn.voice} cannot speak it", "detail": f"{type(error).__name__}: {error}"}
    seconds = len(samples) / SAMPLE_RATE
    if not 0 < seconds <= options.maximum_s:
        reason = f"longer than {options.maximum_s:g} s" if seconds else f"{drawn.voice} says nothing"
        return {"reason": reason, "detail": f"{seconds:.2f} s"}
    write_clip(folder, row.id, samples)
    return {"seconds": seconds, "voice": drawn.voice, "speed": f"{drawn.speed:.3f}"}
