"""A table of clips -> a manifest.

    python -m train.prepare table --table corpus.tsv --audio path --text en=sentence de=translation \\
        --output DIR

Any tab-separated table with a header, one row for a clip. Without --audio the id is the file's name.
"""


from foundation.command_line import named_values
from train.clips import Clip, Corpus, prepare_clips
from train.corpus_options import TableOptions
from train.text_files import read_table


def run(options: TableOptions) -> None:
    prepare_clips(read_corpus(options), options, "table", options.convert)


def read_corpus(options: TableOptions) -> Corpus:
    columns = named_values("--text", options.text)
    audio = options.audio or options.id
    rows, skipped = read_table(options.table, [options.id, audio, *columns.values()])
    folder = options.audio_dir or options.table.parent
    clips = [
        Clip(
            id=record[options.id],
            audio=folder / (record[audio] + options.audio_suffix),
            texts={language: record[column] for language, column in columns.items()},
        )
        for _, record in rows
    ]
    return Corpus(clips, skipped, list(columns))
