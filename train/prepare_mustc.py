"""MuST-C, and IWSLT's sets in its layout, -> clips with a manifest.

    python -m train.prepare mustc --root en-de/data --split train --source en --target de --output DIR

Talks, with the place of each sentence:

    ROOT/SPLIT/wav/TALK.wav
    ROOT/SPLIT/txt/SPLIT.yaml      a list of {wav, offset, duration, ...}, seconds
    ROOT/SPLIT/txt/SPLIT.en, .de   a text for each entry

The sentences are cut out and written as 16 kHz FLAC, so that training opens small files. Their ids are those
of fairseq and SimulEval's examples: TALK_NUMBER, counted in each talk from 0.
"""

from collections import Counter
from pathlib import Path

from foundation.errors import InputError
from foundation.yaml_files import read_yaml_list
from train.clips import Clip, Corpus, prepare_clips
from train.corpus_options import MustcOptions
from train.skipped import Skipped
from train.text_files import read_lines


def run(options: MustcOptions) -> None:
    prepare_clips(read_corpus(options), options, "mustc", write_audio=True)


def read_corpus(options: MustcOptions) -> Corpus:
    """Raises InputError when files are missing or do not fit together."""
    folder = options.root / options.split
    entries = read_yaml_list(folder / "txt" / f"{options.split}.yaml")
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
            talk = str(entry["wav"])
            start_s, duration_s = float(entry["offset"]), float(entry["duration"])
        except (TypeError, KeyError, ValueError):
            skipped.append(Skipped(f"entry {number}", "no wav, offset and duration", str(entry)))
            continue
        stem = Path(talk).stem
        identifier = f"{stem}_{count[stem]}"
        count[stem] += 1
        if start_s < 0 or duration_s <= 0:
            skipped.append(Skipped(identifier, "no length", f"{start_s:g} s + {duration_s:g} s"))
            continue
        clips.append(Clip(identifier, folder / "wav" / talk, of_row, start_s, duration_s))
    return Corpus(clips, skipped, languages)
