"""A manifest: the table that all training reads, one row for a clip or for a text.

UTF-8, tab-separated, with a header. Columns:

    id         names the row
    audio      path of the clip, relative to the manifest or absolute; a manifest of texts lacks it
    seconds    the clip's length
    heard_ms   only so much of the clip is heard; its texts are then labels, and empty ones say "nothing yet"
    ends       "no" where the end of sequence is not learned behind the texts
    members    lines that a clip was joined from
    voice      who speaks a synthesised clip
    speed      and how fast
    word_ends_ms  when each word of the language that is spoken ends, in ms, with spaces between
    en, de ... text in that language, plain; empty means "none in this language"

Only `id` and one language are needed. `train.prepare` writes manifests.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from foundation.errors import InputError
from foundation.files.text_lines import plain_spaces, read_lines, write_lines
from models.languages import canonical_language, find_language
from models.sound.audio import SAMPLE_RATE
from train.data.seconds import read_length
from train.prepare.text_files import is_file, shown

AUDIO_COLUMNS = ("audio", "seconds")
LABEL_COLUMNS = ("heard_ms", "ends")
# Kept from step to step; only `simulst heads` reads one of them, the last.
NOTES = ("members", "voice", "speed", "distortion", "word_ends_ms")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # such as a line end, with which no manifest could be written again
HEARD_MS = re.compile(r"[1-9][0-9]{0,8}")
LISTED = 20  # missing files that a message names


@dataclass(frozen=True)
class Row:
    """One row of a manifest: a clip with its texts, or texts alone."""

    id: str
    texts: dict[str, str]  # by language code; what is missing in a language is not here
    audio: Path | None = None
    seconds: float | None = None
    notes: dict[str, str] = field(default_factory=dict)
    heard_ms: int | None = None
    ends: bool = True

    @property
    def heard_samples(self) -> int | None:
        """The sample before which the clip is cut, at 16 kHz; None where it is heard whole."""
        return None if self.heard_ms is None else self.heard_ms * SAMPLE_RATE // 1000

    @property
    def heard_s(self) -> float | None:
        """Length of what is heard, in seconds; None where the manifest does not say."""
        return self.seconds if self.heard_ms is None else self.heard_ms / 1000


@dataclass(frozen=True)
class Manifest:
    """The rows of a file, in its order."""

    path: Path
    languages: tuple[str, ...]
    rows: tuple[Row, ...]


def read_manifest(path: Path, languages: Sequence[str] = (), needs_audio: bool = False) -> Manifest:
    """Reads a manifest; languages: those to keep, all if none is named. With audio it may have no text.

    Raises InputError, naming the file and the line, when it cannot be used, and with needs_audio also when
    audio files are missing.
    """
    if not is_file(path):
        raise InputError(f"{path}: no such manifest: correct the path")
    header, *lines = read_lines(path) or [""]
    columns = header.split("\t")
    known = _languages(path, columns, needs_audio)
    for language in languages:
        if language not in known:
            same = find_language(language, known)
            hint = "" if same is None else f"; did you mean {same!r}?"
            raise InputError(
                f"{path} has no column {language!r}: its languages are {', '.join(known) or 'none'}{hint}"
            )
    numbered = [(number, line) for number, line in enumerate(lines, start=2) if line.strip()]
    if not numbered:
        raise InputError(f"{path} is empty: it has no rows below its header")
    chosen = tuple(languages or known)
    rows = tuple(_row(path, number, columns, line, chosen) for number, line in numbered)
    _check_unique(path, rows, [number for number, _ in numbered])
    if needs_audio:
        check_files(path, [row.audio for row in rows if row.audio is not None])
    return Manifest(path, chosen, rows)


def write_manifest(path: Path, rows: Iterable[Row], languages: Sequence[str]) -> None:
    """Writes a manifest. Columns that no row fills are left out, except languages."""
    rows = list(rows)
    notes = [name for name in NOTES if any(name in row.notes for row in rows)]
    spoken = any(row.audio is not None for row in rows)
    cut = ["heard_ms"] if any(row.heard_ms is not None for row in rows) else []
    cut += ["ends"] if not all(row.ends for row in rows) else []
    lines = ["\t".join(["id", *(AUDIO_COLUMNS if spoken else ()), *cut, *notes, *languages])]
    for row in rows:
        audio = [str(row.audio or ""), "" if row.seconds is None else f"{row.seconds:.3f}"] if spoken else []
        heard = "" if row.heard_ms is None else str(row.heard_ms)
        labels = {"heard_ms": heard, "ends": "" if row.ends else "no"}
        texts = [plain_spaces(row.texts.get(language, "")) for language in languages]
        notes_of_row = [row.notes.get(name, "") for name in notes]
        lines.append("\t".join([row.id, *audio, *(labels[name] for name in cut), *notes_of_row, *texts]))
    write_lines(path, lines)


def check_language_codes(codes: Iterable[str]) -> None:
    """Raises InputError for what cannot name a column of a manifest, before anything is made for it."""
    for code in codes:
        if not LANGUAGE.fullmatch(code):
            plain = canonical_language(code)
            hint = plain if LANGUAGE.fullmatch(plain) else "a code such as en or de"
            raise InputError(f"{code!r} cannot name a language's column of a manifest: write {hint}")


def check_files(path: Path, files: Iterable[Path]) -> None:
    """Raises one InputError that lists the files named in `path` that do not exist, all counted."""
    missing = [file for file in files if not is_file(file)]
    if missing:
        listed = ", ".join(map(str, missing[:LISTED])) + (", ..." if len(missing) > LISTED else "")
        raise InputError(
            f"{path} names {len(missing)} audio files that do not exist: {listed}: "
            "correct the paths (relative ones start from the manifest's folder) or take the rows out"
        )


def _languages(path: Path, columns: list[str], needs_audio: bool) -> list[str]:
    if "id" not in columns or (needs_audio and "audio" not in columns):
        lacking = "audio" if "id" in columns else "id"
        raise InputError(f"{path} has no column {lacking!r}: its first line has {shown(columns)}")
    if len(set(columns)) < len(columns):
        raise InputError(f"{path} has a column twice: its first line has {shown(columns)}")
    languages = [name for name in columns if name not in ("id", *AUDIO_COLUMNS, *LABEL_COLUMNS, *NOTES)]
    strange = [name for name in languages if not LANGUAGE.fullmatch(name)]
    if strange or not (languages or needs_audio):
        fault = f"columns that are no language codes: {shown(strange)}" if strange else "no column of text"
        raise InputError(
            f"{path} has {fault}; name columns of text en, de ..., remove others; see docs/MANIFEST.md"
        )
    return languages


def _row(path: Path, number: int, columns: list[str], line: str, languages: Sequence[str]) -> Row:
    cells = line.split("\t")
    if len(cells) != len(columns):
        raise InputError(
            f"{path}, line {number}: {len(cells)} fields, but the header has {len(columns)}: mend the line"
        )
    record = dict(zip(columns, cells, strict=True))
    if any(CONTROL.search(record.get(name, "")) for name in ("id", "audio", *NOTES)):
        fault = "its id, audio or notes hold a control character"
        raise InputError(f"{path}, line {number}: {fault}: take it out")
    if not record["id"]:
        raise InputError(f"{path}, line {number}: the id is empty: give each row its own")
    try:
        seconds = read_length(record["seconds"]) if record.get("seconds") else None
    except ValueError as error:
        raise InputError(
            f"{path}, line {number}: {error}: give the clip's length, as in 2.5, or leave the field empty"
        ) from None
    heard = record.get("heard_ms") or None
    if heard is not None and not HEARD_MS.fullmatch(heard):
        raise InputError(f"{path}, line {number}: heard_ms must be whole and above 0, got {heard[:40]!r}")
    # Lengths are written in whole ms, rounded.
    if heard is not None and seconds is not None and int(heard) > seconds * 1000 + 1:
        raise InputError(
            f"{path}, line {number}: heard_ms {heard} lies behind the clip's end at {seconds:g} s: "
            "correct one of them"
        )
    if record.get("ends") not in (None, "", "no", "yes"):
        raise InputError(f"{path}, line {number}: ends must be yes, no or empty, got {record['ends'][:40]!r}")
    return Row(
        id=record["id"],
        texts={one: record[one] for one in languages if record[one].strip() or heard is not None},
        audio=path.parent / record["audio"] if record.get("audio") else None,
        seconds=seconds,
        heard_ms=None if heard is None else int(heard),
        ends=record.get("ends") != "no",
        notes={name: record[name] for name in NOTES if record.get(name)},
    )


def _check_unique(path: Path, rows: Iterable[Row], numbers: Iterable[int]) -> None:
    lines: dict[str, int] = {}
    for row, number in zip(rows, numbers, strict=True):
        if row.id in lines:
            both = f"in lines {lines[row.id]} and {number}"
            raise InputError(f"{path} has the id {row.id[:80]!r} twice, {both}: give each row its own")
        lines[row.id] = number
