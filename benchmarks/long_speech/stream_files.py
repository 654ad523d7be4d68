"""The folder of a long stream: its audio, what is said when and in which words, and where nobody speaks.

stream.flac       the whole stream, 16 kHz, mono, 16 bits
segments.tsv      the utterances: id, offset_s, duration_s, members (ids of lines), en, de
segments.yaml     the same times as MuST-C has them: wav, offset, duration
target.LANG.txt   what is said (en) and its translation, an utterance a line
nobody.tsv        kind, offset_s, duration_s of every stretch between two utterances
stream.yaml       how the stream was made; repeated_s says how much of its beginning is its end again
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.table import number, read_tsv, write_tsv
from foundation.errors import InputError
from foundation.files.text_lines import write_list
from foundation.files.yaml_files import dump_yaml, read_yaml

AUDIO, SEGMENTS, NOBODY, ABOUT = "stream.flac", "segments.tsv", "nobody.tsv", "stream.yaml"
MEND = "make the stream again with benchmarks.long_speech.make_stream"


@dataclass(frozen=True)
class Segment:
    """One utterance, and what is said in it by language."""

    id: str
    offset_s: float
    duration_s: float
    members: str
    texts: dict[str, str]

    @property
    def end_s(self) -> float:
        return self.offset_s + self.duration_s


@dataclass(frozen=True)
class Stretch:
    """Time in which nobody speaks, from the end of one utterance to the beginning of the next."""

    kind: str  # what sounds; `pause` where it is silence of some seconds
    offset_s: float
    duration_s: float

    @property
    def end_s(self) -> float:
        return self.offset_s + self.duration_s


@dataclass(frozen=True)
class LongStream:
    """A folder that was read."""

    folder: Path
    segments: Sequence[Segment]
    nobody: Sequence[Stretch]
    about: dict

    @property
    def audio(self) -> Path:
        return self.folder / AUDIO

    @property
    def repeated_s(self) -> float:
        return float(self.about["repeated_s"])

    def references(self, language: str) -> list[str]:
        """What is said in each segment. Raises InputError for a language that the stream has not."""
        if language not in self.segments[0].texts:
            known = ", ".join(self.segments[0].texts)
            raise InputError(f"{self.folder / SEGMENTS} has no texts in {language!r}, only in {known}")
        return [segment.texts[language] for segment in self.segments]


def write_stream_files(
    folder: Path, segments: Sequence[Segment], nobody: Sequence[Stretch], about: dict
) -> None:
    """All files but the audio."""
    rows = [
        {
            "id": one.id,
            "offset_s": f"{one.offset_s:.6f}",
            "duration_s": f"{one.duration_s:.6f}",
            "members": one.members,
            **one.texts,
        }
        for one in segments
    ]
    write_tsv(folder / SEGMENTS, rows)
    write_list(
        folder / "segments.yaml",
        [
            f"- {{wav: {AUDIO}, offset: {row['offset_s']}, duration: {row['duration_s']}, speaker_id: bass}}"
            for row in rows
        ],
    )
    for language in segments[0].texts:
        write_list(folder / f"target.{language}.txt", [one.texts[language] for one in segments])
    write_tsv(
        folder / NOBODY,
        [
            {"kind": one.kind, "offset_s": f"{one.offset_s:.6f}", "duration_s": f"{one.duration_s:.6f}"}
            for one in nobody
        ],
    )
    (folder / ABOUT).write_text(dump_yaml(about), encoding="utf-8")


def read_stream(folder: Path) -> LongStream:
    """Raises InputError that names the file which is not there, or damaged."""
    about = read_yaml(folder / ABOUT)
    if "repeated_s" not in about:
        raise InputError(f"{folder / ABOUT} has no repeated_s: {MEND}")
    times = ("offset_s", "duration_s")
    segments = []
    for place, row in read_tsv(folder / SEGMENTS, ("id", *times, "members"), MEND):
        offset_s, duration_s = (number(row[name], place, name) for name in times)
        texts = {name: text for name, text in row.items() if name not in ("id", *times, "members")}
        segments.append(Segment(row["id"], offset_s, duration_s, row["members"], texts))
    nobody = [
        Stretch(row["kind"], *(number(row[name], place, name) for name in times))
        for place, row in read_tsv(folder / NOBODY, ("kind", *times), MEND)
    ]
    if not segments:
        raise InputError(f"{folder / SEGMENTS} has no segments: {MEND}")
    return LongStream(folder, segments, nobody, about)
