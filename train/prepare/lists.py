"""A manifest of clips -> the lists that SimulEval reads: a test set.

    simulst prepare lists --manifest spoken/manifest.tsv --languages de fr

Writes source.txt, one audio file a line, and target.LANGUAGE.txt, one reference a line, beside the manifest
unless --output names another folder. White space of any kind becomes single spaces. Rows without a text in
one of the languages are refused: lists must stay in step.
"""

from foundation.errors import InputError
from foundation.files.text_lines import plain_spaces, write_list
from foundation.files.whole_folder import replaced_file
from models.storage.stored_weights import some
from train.data.manifest import read_manifest
from train.prepare.options import ListOptions


def run(options: ListOptions) -> None:
    manifest = read_manifest(options.manifest, options.languages, needs_audio=True)
    for language in options.languages:
        absent = [row.id for row in manifest.rows if language not in row.texts]
        if absent:
            raise InputError(
                f"{options.manifest} has no text in {language} for {len(absent)} rows: {some(absent)}: "
                "leave the language or these rows out"
            )
    silent = [row.id for row in manifest.rows if row.audio is None]
    if silent:
        raise InputError(f"{options.manifest} names no clip for {some(silent)}: leave these rows out")
    cut = [row.id for row in manifest.rows if row.heard_ms is not None]
    if cut:
        raise InputError(
            f"{options.manifest} has beginnings of clips (heard_ms), of which SimulEval would hear all: "
            f"{some(cut)}: leave these rows out"
        )
    folder = options.output or options.manifest.parent
    folder.mkdir(parents=True, exist_ok=True)
    lists = {"source.txt": [str(row.audio) for row in manifest.rows]}
    for language in options.languages:
        lists[f"target.{language}.txt"] = [plain_spaces(row.texts[language]) for row in manifest.rows]
    for name, lines in lists.items():
        with replaced_file(folder / name) as file:
            write_list(file, lines)
    print(f"{len(manifest.rows)} clips in {folder}: {', '.join(lists)}")
