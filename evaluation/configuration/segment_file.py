"""The segments of long recordings: which part of which audio file each reference belongs to.

YAML as MuST-C and the shared tasks of IWSLT have it (JSON will do, too), other keys are ignored:

    - {wav: talk_1.wav, offset: 2.43, duration: 9.05}
    - {wav: talk_1.wav, offset: 15.0, duration: 9.67}

or a table with tabs between the columns, as NAME.tsv:

    wav         offset  duration
    talk_1.wav  2.43    9.05

Times are in seconds. OmniSTEval aligns what was written to the references in the order of this file, so the
segments of one recording stand together, and in the order of time: any other order would be scored wrongly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.table import number, read_tsv
from foundation.errors import InputError
from foundation.files.yaml_files import read_yaml_list

MEND = "give a list of wav, offset and duration in seconds"
COLUMNS = ("wav", "offset", "duration")
# No recording lasts so long, and a larger whole number may fit into no float.
LONGEST_S = 1e9
# Rounded times may overlap by so much.
ROUNDING_S = 0.002


@dataclass(frozen=True)
class Segment:
    """A part of a recording that has a reference of its own."""

    wav: str  # as the file names the recording
    offset_s: float
    duration_s: float
    place: str  # for messages: file and entry

    @property
    def end_s(self) -> float:
        return self.offset_s + self.duration_s


def read_segments(path: str | Path) -> list[Segment]:
    """The segments in the order of the file. They may overlap.

    Raises InputError, which names the entry, where one has no wav, offset and duration, where a recording's
    segments do not stand together, or are not in the order of time.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"segments {path} does not exist or is no file: {MEND}")
    segments = list(_table(path) if path.suffix.lower() == ".tsv" else _list(path))
    if not segments:
        raise InputError(f"{path} holds no segments: {MEND}")
    _check_order(segments)
    return segments


def _list(path: Path) -> Iterator[Segment]:
    for entry, fields in enumerate(read_yaml_list(path), start=1):
        place = f"{path} entry {entry}"
        if not isinstance(fields, dict) or not all(name in fields for name in COLUMNS):
            raise InputError(f"{place} has no wav, offset and duration: {MEND}")
        yield _segment(place, fields)


def _table(path: Path) -> Iterator[Segment]:
    for place, cells in read_tsv(path, COLUMNS, MEND):
        numbers = {name: number(cells[name], place, name) for name in COLUMNS[1:]}
        yield _segment(place, {"wav": cells["wav"], **numbers})


def _segment(place: str, fields: dict[str, Any]) -> Segment:
    wav, *times = (fields[name] for name in COLUMNS)
    if isinstance(wav, int | float) and not isinstance(wav, bool):
        wav = str(wav)
    if not isinstance(wav, str) or not wav.strip():
        raise InputError(f"{place}: wav must be the name of an audio file, got {wav!r:.100}")
    for name, value in zip(COLUMNS[1:], times, strict=True):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not abs(value) <= LONGEST_S:  # NaN is neither above nor below
            raise InputError(f"{place}: {name} must be a number of seconds, got {value!r:.100}")
    offset_s, duration_s = map(float, times)
    if offset_s < 0 or duration_s <= 0:
        raise InputError(
            f"{place} lasts {duration_s:g} s from {offset_s:g} s on: the offset must be 0 or more, the "
            "duration above 0"
        )
    return Segment(wav, offset_s, duration_s, place)


def overlapping(segments: Sequence[Segment]) -> list[Segment]:
    """Those that begin before the one above, of the same recording, has ended."""
    return [
        segment
        for before, segment in zip(segments, segments[1:], strict=False)
        if segment.wav == before.wav and segment.offset_s < before.end_s - ROUNDING_S
    ]


def _check_order(segments: Sequence[Segment]) -> None:
    """Raises InputError where a recording's segments do not stand together, or in the order of time."""
    finished: set[str] = set()
    for before, segment in zip(segments, segments[1:], strict=False):
        if segment.wav != before.wav:
            finished.add(before.wav)
            if segment.wav in finished:
                raise InputError(
                    f"{segment.place}: {segment.wav} had other recordings behind it already: put all "
                    "segments of a recording together, and the references in the same order"
                )
        elif segment.offset_s < before.offset_s:
            raise InputError(
                f"{segment.place} begins at {segment.offset_s:g} s, before the segment above it "
                f"({before.offset_s:g} s): sort the segments by time, and the references in the same order"
            )
