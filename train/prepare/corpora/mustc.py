"""MuST-C, and IWSLT's sets in its layout, -> clips with a manifest.

    simulst prepare mustc --root en-de/data --split train --source en --target de --output DIR

Talks, with the place of each sentence:

    ROOT/SPLIT/wav/TALK.wav
    ROOT/SPLIT/txt/SPLIT.yaml      a list of {wav, offset, duration, ...}, seconds
    ROOT/SPLIT/txt/SPLIT.en, .de   a text for each entry

The sentences are cut out and written as 16 kHz FLAC, so that training opens small files. Their ids are those
of fairseq and SimulEval's examples: TALK_NUMBER, counted in each talk from 0.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from foundation.errors import InputError
from foundation.files.text_lines import read_lines
from train.data.seconds import read_seconds
from train.prepare.corpora.clips import Clip, Corpus, prepare_clips
from train.prepare.corpora.options import MustcOptions
from train.prepare.skipped import Skipped

# The parser in C, where PyYAML has it, reads the 230,000 entries of a train.yaml in a minute, not in ten. All
# scalars stay text: YAML would read 0500 as 320, 1:30 as 90 and some things as dates.
LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def run(options: MustcOptions) -> None:
    prepare_clips(read_corpus(options), options, "mustc", write_audio=True)


def read_corpus(options: MustcOptions) -> Corpus:
    """The segments of a split. Raises InputError when files are missing or do not fit together."""
    folder = options.root / options.split
    entries = read_entries(folder / "txt" / f"{options.split}.yaml")
    languages = [options.source, *options.target]
    texts = {language: read_lines(folder / "txt" / f"{options.split}.{language}") for language in languages}
    for language, lines in texts.items():
        if len(lines) != len(entries):
            raise InputError(
                f"{folder / 'txt'}: {options.split}.{language} has {len(lines)} lines for {len(entries)} "
                "entries in the .yaml file: unpack the corpus again"
            )
    clips: list[Clip] = []
    skipped: list[Skipped] = []
    count: Counter[str] = Counter()
    for number, entry in enumerate(entries):
        of_row = {language: lines[number] for language, lines in texts.items()}
        try:
            talk, start_s, duration_s = read_segment(entry)
        except ValueError as error:
            detail = f"{error}: {entry}"[:400]
            skipped.append(Skipped(f"entry {number}", "no wav, offset and duration", detail))
            continue
        stem = Path(talk).stem
        identifier = f"{stem}_{count[stem]}"
        count[stem] += 1
        if start_s < 0 or duration_s <= 0:
            skipped.append(Skipped(identifier, "no length", f"{start_s:g} s + {duration_s:g} s"))
            continue
        clips.append(Clip(identifier, folder / "wav" / talk, of_row, start_s, duration_s))
    return Corpus(clips, skipped, languages)


def read_segment(entry: Any) -> tuple[str, float, float]:
    """Talk, start and length in seconds of an entry. Raises ValueError if one of them is missing."""
    if not isinstance(entry, dict):
        raise ValueError("it is no mapping")
    values = [entry.get(key) for key in ("wav", "offset", "duration")]
    if not all(isinstance(value, str) and value for value in values):
        raise ValueError("one of them is missing or no plain value")
    talk, offset, duration = values
    return talk, read_seconds(offset), read_seconds(duration)


def read_entries(path: Path) -> list[Any]:
    """The segments of a .yaml file, all scalars as text. Raises InputError for what is no list in YAML."""
    content = "\n".join(read_lines(path))
    try:
        entries = yaml.load(content, LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f", line {mark.line + 1}"
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InputError(f"{path}{where}: it is not YAML ({reason}): unpack the corpus again") from None
    except (RecursionError, ValueError, TypeError) as error:
        fault = f"{path} is not YAML that can be read ({type(error).__name__})"
        raise InputError(f"{fault}: unpack the corpus again") from None
    if not isinstance(entries, list):
        raise InputError(f"{path} must hold a list of segments, found {type(entries).__name__}")
    return entries
