"""A table of recorded lines: tab-separated, with a header; an id, an audio file and texts in each row."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
from foundation.progress import Progress
from models.sound.audio import SAMPLE_RATE, read_audio
from train.prepare.plain_text import EmphasisCapitals, plain_quotes
from train.prepare.skipped import Skipped
from train.prepare.text_files import Record, read_table


@dataclass(frozen=True)
class Line:
    """One recorded line that can be used."""

    id: str
    group: str
    audio: Path
    seconds: float
    texts: tuple[str, ...]  # one for each text column


@dataclass(frozen=True)
class LineTable:
    """Where the table is and what its columns mean."""

    path: Path
    text_columns: tuple[str, ...]
    id_column: str = "id"
    audio_column: str | None = None
    """Path of the audio file, relative to `audio_dir`; None: the id is the file's name."""
    audio_dir: Path | None = None
    """None: the table's own folder."""
    audio_suffix: str = ""
    """Added to the path or id, such as .flac."""
    group_pattern: str | None = None
    """Regular expression searched in the id; its first (...) is the group. None: all rows are one group."""
    groups: tuple[str, ...] = ()
    """Groups to read; none named: all."""
    capitals: str = "emphasis"
    """What words in capitals mean: "emphasis" makes them normal, "keep" leaves them."""
    acronyms: tuple[str, ...] = ()
    """Words whose capitals stay in any case."""

    def usable_lines(self) -> tuple[list[Line], list[Skipped]]:
        """The usable lines of the chosen groups, in table order, texts made plain; and the other rows.

        Decodes every file, so that a damaged one is known now. Raises InputError if the table itself
        cannot be used.
        """
        records, skipped = self._records()
        plain = [self._plain([record[column] for record in records]) for column in self.text_columns]
        lines: list[Line] = []
        seen: set[str] = set()
        chosen = list(self._in_groups(records, skipped))
        with Progress(len(chosen), "line", "read") as progress:
            for record, group in chosen:
                texts = tuple(make(record[name]) for make, name in zip(plain, self.text_columns, strict=True))
                line = self._line(record, group, texts, seen)
                if isinstance(line, Line):
                    lines.append(line)
                else:
                    skipped.append(line)
                seen.add(file_name(record[self.id_column]))
                progress.add()
        return lines, skipped

    def _line(self, record: Record, group: str, texts: tuple[str, ...], seen: set[str]) -> Line | Skipped:
        identifier = record[self.id_column]
        if not identifier:
            return Skipped(identifier, "empty id", detail=" / ".join(texts))
        if file_name(identifier) in seen:
            return Skipped(identifier, "its id occurs before")
        if not all(texts):
            return Skipped(identifier, f"empty text in column {self.text_columns[texts.index('')]}")
        if record.get("heard_ms"):
            return Skipped(identifier, "its text is that of the clip's beginning alone", record["heard_ms"])
        name = record[self.audio_column or self.id_column]
        audio = (self.audio_dir or self.path.parent) / (name + self.audio_suffix)
        try:
            seconds = len(read_audio(audio)) / SAMPLE_RATE
        except InputError as error:
            return Skipped(identifier, "unusable audio", detail=str(error))
        except OSError as error:  # such as a name that is too long
            return Skipped(identifier, "unusable audio", detail=f"{audio}: {error.strerror}")
        return Line(identifier, group, audio, seconds, texts)

    def _records(self) -> tuple[list[Record], list[Skipped]]:
        columns = filter(None, [self.id_column, self.audio_column, *self.text_columns])
        numbered, skipped = read_table(self.path, columns)
        return [record for _, record in numbered], skipped

    def _plain(self, texts: list[str]) -> Callable[[str], str]:
        """The function that makes a text of this column plain."""
        if self.capitals == "keep":
            return plain_quotes
        capitals = EmphasisCapitals(map(plain_quotes, texts), self.acronyms)
        return lambda text: capitals.lower(plain_quotes(text))

    def _in_groups(self, records: list[Record], skipped: list[Skipped]) -> Iterator[tuple[Record, str]]:
        """The records of the chosen groups, each with its group."""
        pattern = self._compiled_pattern()
        found = [pattern.search(record[self.id_column]) for record in records]
        known = {match[1] for match in found if match}
        for group in self.groups:
            if group not in known:
                raise InputError(f"no id has the group {group!r}: the groups are {sorted(known)}")
        for record, match in zip(records, found, strict=True):
            if match is None:
                skipped.append(Skipped(record[self.id_column], "its id does not match the group pattern"))
            elif not self.groups or match[1] in self.groups:
                yield record, match[1]

    def _compiled_pattern(self) -> re.Pattern[str]:
        if self.group_pattern is None:
            if self.groups:
                raise InputError("groups are named, but no group pattern that finds them in an id: give one")
            return re.compile("()")
        try:
            pattern = re.compile(self.group_pattern)
        except re.error as error:
            message = f"group pattern {self.group_pattern!r} is not a regular expression ({error}): mend it"
            raise InputError(message) from None
        if pattern.groups == 0:
            raise InputError(f"group pattern {self.group_pattern!r} has no (...): put it around the group")
        return pattern


def file_name(identifier: str) -> str:
    """The id without what has a meaning in paths."""
    return re.sub(r"[^\w.-]", "_", identifier)
