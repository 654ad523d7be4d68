r"""Parallel texts -> a manifest without audio, for text translation and for `train.prepare speak`.

    simulst prepare text --files en=train.en.gz de=train.de.gz fr=train.fr.gz --output multi30k
    simulst prepare text --table wesnoth.tsv --columns en de fr --unique --refuse '[<>|$]|\d' \
        --minimum-words 3 --maximum-words 40 --output wesnoth

Files have one text a line, in step; NAME.gz is unpacked. The language named first is the source, which the
rules on words are about. Ids are PREFIX_NUMBER, the number that of the line from 0, so that they stay the
same under other rules.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from foundation.command_line import named_values, settings_of
from foundation.errors import InputError
from foundation.files.text_lines import plain_spaces, read_lines
from foundation.files.unfinished_folder import unfinished_folder
from train.data.manifest import Row, check_language_codes
from train.prepare.corpora.clips import compiled, finish
from train.prepare.options import TextOptions
from train.prepare.skipped import Skipped, report
from train.prepare.text_files import Record, read_table


def run(options: TextOptions) -> None:
    languages, numbered, skipped = read_parallel(options)
    check_language_codes(languages)
    prefix = options.prefix or options.output.absolute().name
    rules = TextRules(options, languages)
    rows = []
    for number, texts in numbered:
        identifier = f"{prefix}_{number:05d}"
        fault = rules.fault(texts)
        if fault is None:
            rows.append(Row(identifier, {language: text for language, text in texts.items() if text}))
        else:
            skipped.append(Skipped(identifier, *fault))
    settings = {"command": "text", **settings_of(options)}
    with unfinished_folder(options.output, settings, options.overwrite) as folder:
        finish(folder, rows, skipped, languages)
    report(f"{len(rows)} texts in {', '.join(languages)}", options.output, skipped)


def read_parallel(options: TextOptions) -> tuple[list[str], list[tuple[int, Record]], list[Skipped]]:
    """Languages, numbered texts by language with plain spaces, and rows that are none."""
    if options.table is None:
        files = {code: Path(path) for code, path in named_values("--files", options.files, True).items()}
        return list(files), list(enumerate(_aligned(files))), []
    columns = named_values("--columns", options.columns)
    numbered, skipped = read_table(options.table, columns.values())
    texts = [
        (number, {code: plain_spaces(record[column]) for code, column in columns.items()})
        for number, record in numbered
    ]
    return list(columns), texts, skipped


class TextRules:
    """Which texts are kept."""

    def __init__(self, options: TextOptions, languages: Sequence[str]) -> None:
        self.options = options
        self.languages = languages
        self.refuse = compiled("--refuse", options.refuse)
        self.require = compiled("--require", options.require)
        self._kept: set[str] = set()

    def fault(self, texts: Record) -> tuple[str, str] | None:
        """Reason and detail why the row is skipped; None keeps it."""
        options, source = self.options, texts[self.languages[0]]
        empty = [language for language in self.languages if not texts[language]]
        if empty and (not options.incomplete or not source or len(empty) == len(self.languages) - 1):
            return f"no text in {empty[0]}", " / ".join(filter(None, texts.values()))
        for text in texts.values():
            if self.refuse and self.refuse.search(text):
                return "refused text", text
        if self.require and not self.require.search(source):
            return "not as required", source
        words = len(source.split())
        if words < options.minimum_words:
            return f"fewer than {options.minimum_words} words", source
        if options.maximum_words is not None and words > options.maximum_words:
            return f"more than {options.maximum_words} words", source
        for text in filter(None, texts.values()):
            ratio = len(text) / len(source)
            if ratio < options.minimum_ratio or ratio > (options.maximum_ratio or ratio):
                return "length unlike the source's", f"{ratio:.2f}: {source} / {text}"
        if options.unique and source in self._kept:
            return "occurs before", source
        self._kept.add(source)
        return None


def _aligned(files: dict[str, Path]) -> Iterator[Record]:
    columns = {language: read_lines(path) for language, path in files.items()}
    counts = {language: len(lines) for language, lines in columns.items()}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{files[language]} {count}" for language, count in counts.items())
        raise InputError(f"the files are not in step, their lines differ in number: {found}")
    for texts in zip(*columns.values(), strict=True):
        yield dict(zip(columns, map(plain_spaces, texts), strict=True))
