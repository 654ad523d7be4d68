"""A table of clips -> a manifest.

    python -m train.prepare table --table corpus.tsv --audio path --text en=sentence de=translation \\
        --output DIR

Any tab-separated table with a header, one row for a clip. Without --audio the id is the file's name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import InputError
from train.clips import Clip, Corpus, WholeFileOptions, prepare_clips
from train.command_line import named_values, option, parse
from train.text_files import is_file, read_table


@dataclass(frozen=True, kw_only=True)
class TableOptions(WholeFileOptions):
    table: Path = option("tab-separated, UTF-8, with a header; NAME.gz is unpacked")
    text: tuple[str, ...] = option(
        "languages, each with its column if it is called otherwise", metavar="CODE[=COLUMN]"
    )
    id: str = option("column that names a row", "id")
    audio: str | None = option("column with the path of the audio file (default: the id is its name)", None)
    audio_dir: Path | None = option("folder where these paths begin (default: the table's)", None)
    audio_suffix: str = option("added to the path or id, such as .flac", "")


def main(arguments: Sequence[str]) -> None:
    program, description = "python -m train.prepare table", "Make a manifest of a table of clips."
    options = parse(TableOptions, program, description, arguments)
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
