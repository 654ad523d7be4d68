"""Everyday sentences and game messages in English, German and French, as tables for `simulst prepare text`.

    python collect_texts.py tatoeba --german deu.txt --french fra.txt --output tatoeba.tsv
    python collect_texts.py games --german G1.mo G2.mo --french F1.mo F2.mo --output games.tsv

tatoeba: the files of manythings.org/anki, tab-separated sentence pairs of tatoeba.org (CC BY 2.0 FR).
games: compiled message catalogues, one a game and language in the same order, from usr/share/locale of the
Debian packages freedroidrpg-data (GPL-2+) and cataclysm-dda-data (CC BY-SA 3.0).

A table has the columns en, de and fr. Every English text occurs once, with its first translation into each
language, and has an empty place where there is none.
"""

import argparse
import gettext
import os
from collections.abc import Iterable
from pathlib import Path

from foundation.files.text_lines import plain_spaces, read_lines, write_lines


def sentence_pairs(path: Path) -> Iterable[tuple[str, str]]:
    for line in read_lines(path):
        english, translation = line.split("\t")[:2]
        yield english, translation


def messages(path: Path) -> Iterable[tuple[str, str]]:
    with open(path, "rb") as file:
        catalogue = gettext.GNUTranslations(file)._catalog
    for english, translation in catalogue.items():
        if isinstance(english, str) and english:
            # A message may be preceded by what tells it from others of the same text.
            yield english.rpartition("\x04")[2], translation


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", choices=["tatoeba", "games"])
    parser.add_argument("--german", type=Path, nargs="+", required=True)
    parser.add_argument("--french", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    read = sentence_pairs if options.source == "tatoeba" else messages
    table: dict[str, dict[str, str]] = {}
    for language, paths in (("de", options.german), ("fr", options.french)):
        for path in paths:
            for english, translation in read(path):
                texts = table.setdefault(plain_spaces(english), {})
                texts.setdefault(language, plain_spaces(translation))
    partial = options.output.with_suffix(".partial")
    rows = (f"{english}\t{texts.get('de', '')}\t{texts.get('fr', '')}" for english, texts in table.items())
    write_lines(partial, ["en\tde\tfr", *rows])
    os.replace(partial, options.output)
    print(f"{len(table)} texts in {options.output}")


if __name__ == "__main__":
    main()
