"""Multilingual LibriSpeech, and any corpus in its layout, -> a manifest.

    simulst prepare mls --root mls_german --split train --language de --output DIR

Speech with its transcripts, for ASR:

    ROOT/SPLIT/transcripts.txt                            id, tab, text
    ROOT/SPLIT/audio/SPEAKER/BOOK/SPEAKER_BOOK_NUMBER.flac, or .opus
"""

from foundation.errors import InputError
from foundation.files.text_lines import read_lines
from train.prepare.corpora.clips import Clip, Corpus, prepare_clips
from train.prepare.corpora.options import MlsOptions
from train.prepare.skipped import Skipped
from train.prepare.text_files import records


def run(options: MlsOptions) -> None:
    prepare_clips(read_corpus(options), options, "mls", options.convert)


def read_corpus(options: MlsOptions) -> Corpus:
    folder = options.root / options.split
    rows, skipped = records(read_lines(folder / "transcripts.txt"), ["id", "text"], first_line=1)
    suffix = next(
        (suffix for suffix in (".flac", ".opus", ".wav") if any(folder.glob(f"audio/*/*/*{suffix}"))), None
    )
    if suffix is None:
        raise InputError(f"{folder / 'audio'} holds no .flac, .opus or .wav in SPEAKER/BOOK: unpack it there")
    clips = []
    for _, record in rows:
        parts = record["id"].split("_")
        if len(parts) != 3:
            skipped.append(Skipped(record["id"], "its id is not SPEAKER_BOOK_NUMBER"))
            continue
        audio = folder / "audio" / parts[0] / parts[1] / f"{record['id']}{suffix}"
        clips.append(Clip(record["id"], audio, {options.language: record["text"]}))
    return Corpus(clips, skipped, [options.language])
