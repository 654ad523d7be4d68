"""Clips of a corpus -> a folder that training reads: manifest.tsv, skipped.tsv and perhaps audio/.

Every file is decoded once, so that a damaged one is known now and not in the middle of a training. Clips
that are parts of long recordings are cut out; whole files stay where they are, unless they are to be
converted to 16 kHz FLAC, which trains faster than MP3.
"""

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from foundation.journal import Journal
from foundation.unfinished_folder import NothingUsable, unfinished_folder
from foundation.whole_folder import replaced_file
from foundation.workers import Workers, available_processes
from models.audio import SAMPLE_RATE, AudioIntake, check_audio_file, read_audio
from models.errors import InputError
from train.command_line import at_least, option, settings_of
from train.line_table import file_name
from train.manifest import Row, write_manifest
from train.skipped import Skipped, report, summary, write_skipped
from train.text_files import plain_spaces

ROWS_AT_ONCE = 16
MANIFEST = "manifest.tsv"


@dataclass(frozen=True)
class Clip:
    """A row of a corpus, its audio not yet looked at."""

    id: str
    audio: Path
    texts: dict[str, str]  # by language
    start_s: float = 0.0
    duration_s: float | None = None  # None: to the end of the file


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """What all corpora have in common."""

    output: Path = option("folder to write")
    minimum_s: float = option("skip shorter clips", 0.1)
    maximum_s: float = option("skip longer clips; Whisper hears at most 30 s", 30.0)
    refuse: str | None = option("skip rows with a text in which this regular expression is found", None)
    jobs: int | None = option("processes (default: one for each core)", None)
    overwrite: bool = option("replace OUTPUT", False)

    def __post_init__(self) -> None:
        at_least(1, jobs=self.jobs)
        at_least(0, minimum_s=self.minimum_s)
        at_least(self.minimum_s, maximum_s=self.maximum_s)
        compiled("--refuse", self.refuse)


@dataclass(frozen=True, kw_only=True)
class WholeFileOptions(ClipOptions):
    """And of those with a file for each clip."""

    convert: bool = option("write 16 kHz FLAC to OUTPUT/audio, do not name the files where they are", False)


@dataclass(frozen=True)
class Corpus:
    """What a layout was found to hold."""

    clips: Sequence[Clip]
    skipped: Sequence[Skipped]  # rows that make no clip
    languages: Sequence[str]


def prepare_clips(corpus: Corpus, options: ClipOptions, command: str, write_audio: bool) -> None:
    """Checks all clips, writes the folder and prints what was done. Raises InputError if none is usable."""
    clips, skipped = _usable(corpus, compiled("--refuse", options.refuse))
    listing = "\n".join(map(repr, clips))
    settings = {
        "command": command,
        **settings_of(options),
        "clips_sha256": hashlib.sha256(listing.encode()).hexdigest(),
    }
    with unfinished_folder(options.output, settings, options.overwrite) as folder:
        journal = Journal(folder)
        limits = (options.minimum_s, options.maximum_s)
        hear = partial(hear_clips, folder=folder if write_audio else None, limits=limits)
        workers = Workers(options.jobs or available_processes())
        entries = journal.work_through(clips, ROWS_AT_ONCE, hear, workers)
        rows: list[Row] = []
        for clip, result in zip(clips, [result for entry in entries for result in entry], strict=True):
            if isinstance(result, float):
                audio = clip_path(clip.id) if write_audio else clip.audio.absolute()
                rows.append(Row(clip.id, clip.texts, audio, result))
            else:
                skipped.append(Skipped(clip.id, *result))
        finish(folder, rows, skipped, corpus.languages)
    hours = sum(row.seconds or 0 for row in rows) / 3600
    report(f"{len(rows)} clips, {hours:.2f} hours", options.output, skipped)


def finish(folder: Path, rows: list[Row], skipped: list[Skipped], languages: Sequence[str]) -> None:
    """Writes manifest.tsv and skipped.tsv. Raises NothingUsable when there is no row."""
    if not rows:
        raise NothingUsable(f"no row can be used: {summary(skipped) or 'there is none'}")
    write_manifest(folder / MANIFEST, rows, languages)
    write_skipped(folder, skipped)


def hear_clips(
    clips: Sequence[Clip], folder: Path | None, limits: tuple[float, float]
) -> list[float | tuple[str, str]]:
    """Length of each clip in seconds, or (reason, detail); with a folder its audio is written there."""
    return [_hear(clip, folder, *limits) for clip in clips]


def write_clip(folder: Path, identifier: str, samples: np.ndarray) -> None:
    """Writes FOLDER/audio/ID.flac: 16 kHz, 16 bits. It is there whole or not at all."""
    path = folder / clip_path(identifier)
    path.parent.mkdir(exist_ok=True)
    with replaced_file(path) as partial_file:
        partial_file.write_bytes(as_flac(samples))


def as_flac(samples: np.ndarray) -> bytes:
    """The file of a clip. libsndfile itself says nothing of a full disk, so it writes to memory."""
    content = io.BytesIO()
    soundfile.write(content, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return content.getvalue()


def clip_path(identifier: str) -> Path:
    return Path("audio") / f"{file_name(identifier)}.flac"


def compiled(flag: str, pattern: str | None) -> re.Pattern[str] | None:
    """Raises InputError, naming the flag, for what is no regular expression."""
    try:
        return None if pattern is None else re.compile(pattern)
    except re.error as error:
        raise InputError(f"{flag} {pattern!r} is not a regular expression ({error}): mend it") from None


def _usable(corpus: Corpus, refuse: re.Pattern[str] | None) -> tuple[list[Clip], list[Skipped]]:
    """Clips with plain texts and an id of their own, and the other rows."""
    clips: list[Clip] = []
    skipped = list(corpus.skipped)
    seen: set[str] = set()
    for clip in corpus.clips:
        texts = {language: plain_spaces(text) for language, text in clip.texts.items() if text.strip()}
        refused = [text for text in texts.values() if refuse and refuse.search(text)]
        if not clip.id:
            skipped.append(Skipped(clip.id, "empty id", " / ".join(texts.values())))
        elif file_name(clip.id) in seen:
            skipped.append(Skipped(clip.id, "its id occurs before"))
        elif not texts:
            skipped.append(Skipped(clip.id, "no text"))
        elif refused:
            skipped.append(Skipped(clip.id, "refused text", refused[0]))
        else:
            clips.append(replace(clip, texts=texts))
        seen.add(file_name(clip.id))
    return clips, skipped


def _hear(clip: Clip, folder: Path | None, minimum_s: float, maximum_s: float) -> float | tuple[str, str]:
    try:
        whole = clip.duration_s is None and not clip.start_s
        samples = read_audio(clip.audio) if whole else _read_part(clip)
    except InputError as error:
        return "unusable audio", str(error)
    seconds = len(samples) / SAMPLE_RATE
    if not minimum_s <= seconds <= maximum_s:
        limit = f"shorter than {minimum_s:g} s" if seconds < minimum_s else f"longer than {maximum_s:g} s"
        return limit, f"{seconds:.2f} s"
    if folder is not None:
        write_clip(folder, clip.id, samples)
    return seconds


def _read_part(clip: Clip) -> np.ndarray:
    """A part of a long recording at 16 kHz. Raises InputError if it lies beyond the recording's end."""
    length_s = check_audio_file(clip.audio, maximum_s=None)
    if clip.start_s >= length_s:
        raise InputError(
            f"{clip.audio} ends at {length_s:.2f} s, before the clip begins: {clip.start_s:.2f} s"
        )
    try:
        with soundfile.SoundFile(clip.audio) as file:
            file.seek(round(clip.start_s * file.samplerate))
            frames = -1 if clip.duration_s is None else round(clip.duration_s * file.samplerate)
            samples = file.read(frames, dtype="float32", always_2d=True)
            return AudioIntake().push(samples, file.samplerate, finished=True)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{clip.audio} is damaged ({error.error_string}): copy it again") from None
