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

from foundation.command_line import settings_of
from foundation.errors import InputError
from foundation.files.journal import Journal, in_parts
from foundation.files.text_lines import plain_spaces
from foundation.files.unfinished_folder import NothingUsable, unfinished_folder
from foundation.files.whole_folder import replaced_file
from foundation.workers import Workers, available_processes
from models.sound.audio import SAMPLE_RATE, AudioIntake, check_audio_file, read_audio
from train.data.manifest import CONTROL, Row, check_language_codes, write_manifest
from train.prepare.corpora.options import ClipOptions, compiled
from train.prepare.line_table import file_name
from train.prepare.skipped import Skipped, first_detail, report, summary, write_skipped

ROWS_AT_ONCE = 16
ROUNDING_S = 0.05  # so much may a clip reach beyond its recording: times in corpora are rounded
LONGEST_NAME = 200  # characters of an id that names a file; file systems take 255 bytes, some fewer
MANIFEST = "manifest.tsv"


@dataclass(frozen=True)
class Clip:
    """A row of a corpus, its audio not yet looked at."""

    id: str
    audio: Path
    texts: dict[str, str]  # by language
    start_s: float = 0.0
    duration_s: float | None = None  # None: to the end of the file


@dataclass(frozen=True)
class Corpus:
    """What a layout was found to hold."""

    clips: Sequence[Clip]
    skipped: Sequence[Skipped]  # rows that make no clip
    languages: Sequence[str]


def prepare_clips(corpus: Corpus, options: ClipOptions, command: str, write_audio: bool) -> None:
    """Checks all clips, writes the folder and prints what was done. Raises InputError if none is usable."""
    check_language_codes(corpus.languages)
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
        entries = journal.work_through(in_parts(clips, ROWS_AT_ONCE), hear, workers)
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
        first = first_detail(skipped)
        example = f" (the first: {first})" if first else ""
        raise NothingUsable(
            f"no row can be used: {summary(skipped) or 'there is none'}{example}: correct the input"
        )
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


def _usable(corpus: Corpus, refuse: re.Pattern[str] | None) -> tuple[list[Clip], list[Skipped]]:
    """The clips with plain texts and an id of their own, and the other rows."""
    clips: list[Clip] = []
    skipped = list(corpus.skipped)
    seen: set[str] = set()
    for clip in corpus.clips:
        texts = {language: plain_spaces(text) for language, text in clip.texts.items() if text.strip()}
        refused = [text for text in texts.values() if refuse and refuse.search(text)]
        if not clip.id:
            skipped.append(Skipped(clip.id, "empty id", " / ".join(texts.values())))
        elif CONTROL.search(clip.id) or len(file_name(clip.id).encode()) > LONGEST_NAME:
            skipped.append(Skipped(clip.id[:40], "its id cannot name a file"))
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
    except OSError as error:  # such as a name that is too long
        return "unusable audio", f"{clip.audio}: {error.strerror}"
    seconds = len(samples) / SAMPLE_RATE
    if not minimum_s <= seconds <= maximum_s:
        limit = f"shorter than {minimum_s:g} s" if seconds < minimum_s else f"longer than {maximum_s:g} s"
        return limit, f"{seconds:.2f} s"
    if folder is not None:
        write_clip(folder, clip.id, samples)
    return seconds


def _read_part(clip: Clip) -> np.ndarray:
    """A part of a long recording, (n,) at 16 kHz. Raises InputError if it reaches beyond the recording's end.

    What is there of it would be a shorter clip with the whole text.
    """
    length_s = check_audio_file(clip.audio, maximum_s=None)
    if clip.start_s >= length_s:
        raise InputError(
            f"{clip.audio} ends at {length_s:.2f} s, before {clip.id} begins: {clip.start_s:.2f} s"
        )
    end_s = clip.start_s + (clip.duration_s or 0.0)
    if end_s > length_s + ROUNDING_S:
        raise InputError(
            f"{clip.audio} ends at {length_s:.2f} s, but {clip.id} only at {end_s:.2f} s: copy the recording "
            "again, or correct the times"
        )
    try:
        with soundfile.SoundFile(clip.audio) as file:
            file.seek(round(clip.start_s * file.samplerate))
            frames = -1 if clip.duration_s is None else round(clip.duration_s * file.samplerate)
            samples = file.read(frames, dtype="float32", always_2d=True)
            return AudioIntake().push(samples, file.samplerate, finished=True)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{clip.audio} is damaged ({error.error_string}): copy it again") from None
