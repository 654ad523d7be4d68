r"""Joins short recorded lines into segments of speech as long as simultaneous translation meets them.

    simulst prepare join --table bass/bass.tsv --audio-dir bass/flac --audio-suffix .flac \
        --text en de --group-pattern 'bass_(\d+)_' --groups 5 6 --minimum-s 6 --maximum-s 20 \
        --pause-s 0.3 --output bass56

Consecutive lines of one group are joined, with silence between them, until a length drawn evenly between
minimum and maximum is reached, so that lengths vary as those of real sentences do. The level is kept.

Writes OUTPUT/audio/*.flac (16 kHz, mono, 16 bits), segments.tsv (again such a table, its audio paths
relative to itself), source.txt and target.LANGUAGE.txt (SimulEval's lists), and skipped.tsv: every row of
the chosen groups that could not be used, and why.
"""

import os
import random
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from pathlib import Path

import numpy as np

from foundation.errors import InputError
from foundation.files.text_lines import plain_spaces, write_lines, write_list
from foundation.files.whole_folder import check_output, whole_folder
from foundation.progress import Progress
from models.sound.audio import SAMPLE_RATE, read_audio
from train.prepare.corpora.clips import as_flac
from train.prepare.line_table import Line, LineTable, file_name
from train.prepare.options import JoinOptions
from train.prepare.skipped import Skipped, report, summary, write_skipped

SEGMENTS = "segments.tsv"


@dataclass(frozen=True)
class SegmentLengths:
    """How long segments are, and what is between their lines."""

    minimum_s: float = 6.0
    maximum_s: float = 20.0
    pause_s: float = 0.3
    longest_pause_s: float | None = None
    """None: all pauses last `pause_s`; else they are drawn from there up to this."""

    seed: int = 0
    """Of what is drawn."""

    def __post_init__(self) -> None:
        if not 0 < self.minimum_s <= self.maximum_s < inf:
            raise InputError(f"need 0 < minimum <= maximum, got {self.minimum_s:g} and {self.maximum_s:g} s")
        if not 0 <= self.pause_s < inf:
            raise InputError(f"the pause must not be negative, got {self.pause_s:g} s")
        if self.longest_pause_s is not None and not self.pause_s <= self.longest_pause_s < inf:
            raise InputError(
                f"the longest pause must not be below the shortest, got {self.longest_pause_s:g} and "
                f"{self.pause_s:g} s"
            )

    def pause_behind_s(self, line: Line) -> float:
        """The silence between this line and the next. It is the same whatever lines stand around."""
        if self.longest_pause_s is None:
            return self.pause_s
        # Squared: most pauses of speech are short.
        share = random.Random(f"{self.seed} pause {line.id}").random() ** 2
        return self.pause_s + share * (self.longest_pause_s - self.pause_s)

    def joined_s(self, lines: list[Line]) -> float:
        """The length of these lines joined, in seconds."""
        return sum(line.seconds for line in lines) + sum(map(self.pause_behind_s, lines[:-1]))


def run(options: JoinOptions) -> None:
    """Does what the command says. OUTPUT appears when it is complete; InputError means that it does not."""
    output: Path = options.output.resolve()
    if not output.parent.is_dir():
        raise InputError(f"{output.parent}: no such folder: create it first")
    check_output(output, options.overwrite, SEGMENTS)
    lengths = SegmentLengths(
        options.minimum_s, options.maximum_s, options.pause_s, options.longest_pause_s, options.seed
    )
    table = LineTable(
        path=options.table,
        text_columns=options.text,
        id_column=options.id,
        audio_column=options.audio,
        audio_dir=options.audio_dir,
        audio_suffix=options.audio_suffix,
        group_pattern=options.group_pattern,
        groups=options.groups,
        capitals=options.capitals,
        acronyms=options.acronyms,
    )
    lines, skipped = table.usable_lines()
    if options.shuffle:
        lines.sort(key=lambda line: random.Random(f"{options.seed} place {line.id}").random())
    segments, left_over = plan(lines, lengths)
    skipped += left_over
    if not segments:
        raise InputError(f"{table.path} gives no segment: {summary(skipped) or 'it has no rows'}")
    segments = spread(segments, options.limit)
    with whole_folder(output, options.overwrite, SEGMENTS) as result:
        seconds = []
        with Progress(len(segments), "segment") as progress:
            for segment in segments:
                seconds.append(write_audio(segment, result, lengths))
                progress.add()
        start = options.paths_from
        final = output if start is None else Path(os.path.relpath(output, start))
        write_lists(segments, seconds, result, final, table.text_columns)
        write_skipped(result, skipped)
    quartiles = ", ".join(f"{value:.1f}" for value in np.percentile(seconds, [0, 25, 50, 75, 100]))
    minutes = f"{sum(seconds) / 60:.1f} minutes"
    report(f"{len(segments)} segments, {minutes}, quartiles of length {quartiles} s", output, skipped)


def plan(lines: list[Line], lengths: SegmentLengths) -> tuple[list[list[Line]], list[Skipped]]:
    """Which lines make which segment, and those that fit in none."""
    groups: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        groups[line.group].append(line)
    segments: list[list[Line]] = []
    skipped: list[Skipped] = []
    for group in groups.values():
        of_group: list[list[Line]] = []
        follows = False  # whether the last segment ends where the run begins
        for run in runs(group, lengths):
            if lengths.minimum_s <= lengths.joined_s(run) <= lengths.maximum_s:
                of_group.append(run)
                follows = True
            elif follows and lengths.joined_s([*of_group[-1], *run]) <= lengths.maximum_s:
                of_group[-1] = [*of_group[-1], *run]
            else:
                follows = False
                too_long = lengths.joined_s(run) > lengths.maximum_s
                reason = "too long for a segment" if too_long else "left over: too short for a segment"
                skipped += [Skipped(line.id, reason) for line in run]
        segments += of_group
    return segments, skipped


def runs(lines: list[Line], lengths: SegmentLengths) -> list[list[Line]]:
    """The lines of one group, cut where the drawn length is reached or the next line is too much."""
    # Seeded by the group, so that its segments do not depend on which other groups are chosen.
    draw = random.Random(f"{lengths.seed} {lines[0].group}")
    result: list[list[Line]] = [[]]
    drawn_s = draw.uniform(lengths.minimum_s, lengths.maximum_s)
    for line in lines:
        reached = lengths.joined_s(result[-1]) >= drawn_s
        if result[-1] and (reached or lengths.joined_s([*result[-1], line]) > lengths.maximum_s):
            result.append([])
            drawn_s = draw.uniform(lengths.minimum_s, lengths.maximum_s)
        result[-1].append(line)
    return result


def spread(segments: list[list[Line]], limit: int | None) -> list[list[Line]]:
    """`limit` of the segments, at even distances."""
    if limit is None or limit >= len(segments):
        return segments
    return [segments[(2 * i + 1) * len(segments) // (2 * limit)] for i in range(limit)]


def audio_path(segment: list[Line]) -> Path:
    return Path("audio") / f"{file_name(segment[0].id)}.flac"


def write_audio(segment: list[Line], folder: Path, lengths: SegmentLengths) -> float:
    """Writes the segment's file and returns its length in seconds."""
    parts = [read_audio(segment[0].audio)]
    for before, line in pairwise(segment):
        parts.append(np.zeros(round(lengths.pause_behind_s(before) * SAMPLE_RATE), np.float32))
        parts.append(read_audio(line.audio))
    samples = np.concatenate(parts)
    path = folder / audio_path(segment)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_flac(samples))
    return len(samples) / SAMPLE_RATE


def write_lists(
    segments: list[list[Line]], seconds: list[float], folder: Path, final: Path, languages: tuple[str, ...]
) -> None:
    """`final` is what the folder will be called in source.txt."""
    texts = [
        [plain_spaces(" ".join(parts)) for parts in zip(*(line.texts for line in segment), strict=True)]
        for segment in segments
    ]
    rows = ["\t".join(["id", "audio", "seconds", "members", *languages])]
    for segment, length, text in zip(segments, seconds, texts, strict=True):
        members = " ".join(line.id for line in segment)
        rows.append("\t".join([segment[0].id, str(audio_path(segment)), f"{length:.3f}", members, *text]))
    write_lines(folder / SEGMENTS, rows)
    write_list(folder / "source.txt", [str(final / audio_path(segment)) for segment in segments])
    for column, language in enumerate(languages):
        write_list(folder / f"target.{language}.txt", [text[column] for text in texts])
