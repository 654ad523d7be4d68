"""CoVoST 2 and CVSS, which translate Common Voice, -> a manifest.

    simulst prepare covost2 --table covost_v2.de_en.train.tsv --clips de/clips \\
        --source de --target en --output DIR

Clips are Common Voice's own MP3 files; --convert makes FLAC of them once, which training reads faster.

    CoVoST 2   a header, then path, sentence, translation, client_id (what its get_covost_splits.py writes)
    CVSS       no header: path, translation. With --transcripts, Common Voice's validated.tsv, the source
               texts come from there
"""

import re
from pathlib import Path

from foundation.errors import InputError
from foundation.files.text_lines import read_lines
from train.prepare.corpora.clips import Clip, Corpus, prepare_clips
from train.prepare.corpora.options import CovostOptions
from train.prepare.skipped import Skipped
from train.prepare.text_files import Record, read_table, records

ESCAPED = re.compile(r"\\(.)")  # CoVoST writes \" for a quote


def run(options: CovostOptions) -> None:
    prepare_clips(read_corpus(options), options, "covost2", options.convert)


def read_corpus(options: CovostOptions) -> Corpus:
    rows, skipped = read_translations(options.table)
    sentences = read_transcripts(options.transcripts) if options.transcripts else {}
    clips = []
    for row in rows:
        path = row["path"] if row["path"].endswith(".mp3") else f"{row['path']}.mp3"
        texts = {
            options.source: row.get("sentence") or sentences.get(path, ""),
            options.target: row["translation"],
        }
        clips.append(Clip(Path(path).stem, options.clips / path, texts))
    return Corpus(clips, skipped, [options.source, options.target])


def read_translations(path: Path) -> tuple[list[Record], list[Skipped]]:
    """Rows with path, translation and perhaps sentence."""
    first = (read_lines(path) or [""])[0].split("\t")
    if "path" in first:
        numbered, skipped = read_table(path, ["path", "sentence", "translation"])
    elif len(first) == 2:
        numbered, skipped = records(read_lines(path), ["path", "translation"], first_line=1)
    else:
        raise InputError(
            f"{path} is neither CoVoST 2's table (a header with path, sentence, translation) nor CVSS's "
            f"(two columns, no header): its first line has {first}"
        )
    rows = [{name: ESCAPED.sub(r"\1", text) for name, text in record.items()} for _, record in numbered]
    return rows, skipped


def read_transcripts(path: Path) -> dict[str, str]:
    """Source text by path of the clip."""
    rows, _ = read_table(path, ["path", "sentence"])
    return {record["path"]: record["sentence"] for _, record in rows}
