"""A manifest of clips -> the lists that SimulEval reads: a test set.

    python -m train.prepare lists --manifest spoken/manifest.tsv --languages de fr

Writes source.txt, one audio file a line, and target.LANGUAGE.txt, one reference a line, beside the manifest
unless --output names another folder. Rows without a text in one of the languages are refused: lists must
stay in step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foundation.whole_folder import replaced_file
from models.errors import InputError
from models.stored_weights import some
from train.command_line import option, parse
from train.manifest import read_manifest, write_lines


@dataclass(frozen=True)
class ListOptions:
    manifest: Path = option("manifest of the clips")
    languages: tuple[str, ...] = option("references to write", metavar="CODE")
    output: Path | None = option("folder of the lists (default: the manifest's)", None)


def main(arguments: Sequence[str]) -> None:
    program = "python -m train.prepare lists"
    options = parse(ListOptions, program, "Write SimulEval's lists of a manifest.", arguments)
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
    folder = options.output or options.manifest.parent
    folder.mkdir(parents=True, exist_ok=True)
    lists = {"source.txt": [str(row.audio) for row in manifest.rows]}
    for language in options.languages:
        lists[f"target.{language}.txt"] = [row.texts[language] for row in manifest.rows]
    for name, lines in lists.items():
        with replaced_file(folder / name) as file:
            write_lines(file, lines)
    print(f"{len(manifest.rows)} clips in {folder}: {', '.join(lists)}")
