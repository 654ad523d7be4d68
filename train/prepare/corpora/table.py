"""A table of clips -> a manifest.

    simulst prepare table --table corpus.tsv --audio path --text en=sentence de=translation \\
        --output DIR

Any tab-separated table with a header, one row for a clip. Without --audio the id is the file's name.
"""

from foundation.command_line import named_values
from foundation.errors import InputError
from train.prepare.corpora.clips import Clip, Corpus, prepare_clips
from train.prepare.corpora.options import TableOptions
from train.prepare.text_files import is_file, read_table


def run(options: TableOptions) -> None:
    prepare_clips(read_corpus(options), options, "table", options.convert)


def read_corpus(options: TableOptions) -> Corpus:
    columns = named_values("--text", options.text)
    audio = options.audio or options.id
    rows, skipped = read_table(options.table, [options.id, audio, *columns.values()])
    folder = options.audio_dir or options.table.parent
    if options.audio is None and rows:
        files = [folder / (record[audio] + options.audio_suffix) for _, record in rows]
        if not any(map(is_file, files)):  # then most likely a column of paths was not named
            raise InputError(
                f"{options.table}, line {rows[0][0] + 2}: the id stands for the audio file {files[0]}, which "
                f"is not there, nor is that of any of the {len(files)} rows: name the column of paths with "
                "--audio, or give --audio-dir and --audio-suffix"
            )
    clips = [
        Clip(
            id=record[options.id],
            audio=folder / (record[audio] + options.audio_suffix),
            texts={language: record[column] for language, column in columns.items()},
        )
        for _, record in rows
    ]
    return Corpus(clips, skipped, list(columns))
