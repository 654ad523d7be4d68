r"""Tables and the plot of what `python -m benchmarks.long_speech` measured.

    python -m benchmarks.long_speech.report --stream outputs/long --runs outputs/long-runs --output RESULTS

Writes to RESULTS, for every system whose stream and segments are finished:

    summary.tsv   WER in % (BLEU where another language is written) on the stream and on the cut segments,
                  the difference (`more`) with its 95% interval, LAAL in s on both
    cost.tsv      processor time of a chunk in the first and the last ten minutes, ratio, 95% interval
    by_time.tsv   wall-clock and processor time of a chunk in every ten minutes, also the peer's
    peer.tsv      the peer's time over ours on the chunks that both heard: all, and where somebody speaks
    memory.tsv    resident memory, and its slope in MiB an hour from the tenth minute on
    nobody.tsv    words written where nobody speaks, by what sounds there; a word that is written within 3 s
                  of the end of the speech before belongs to that speech
    words.tsv     these words
    loops.tsv     windows of 30 s in which the text loops (evaluation/metrics/degenerate.py)
    long_speech.png
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.long_speech import statistics
from benchmarks.long_speech.alignment import Alignment, Word, align, written_words
from benchmarks.long_speech.plot import plot_costs
from benchmarks.long_speech.run import SEGMENTS, STREAM, SYSTEM
from benchmarks.long_speech.stream_files import LongStream, read_stream
from evaluation.logs.json_lines import read_json_lines
from evaluation.table import Row, text_table, write_tsv
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.errors import InputError
from foundation.files.whole_folder import whole_folder
from foundation.files.yaml_files import read_yaml
from foundation.options import REQUIRED, check_options, option

MEND = "run benchmarks.long_speech again with this file removed"
END_S = 600.0  # what counts as an end of a stream whose ends are not the same audio
EVERY_S = 600.0


@dataclass(frozen=True)
class ReportOptions:
    """What is reported."""

    stream: Path = option(REQUIRED, "This folder is the stream that was played.")
    runs: Path = option(REQUIRED, "This folder holds a folder for each system.")
    output: Path = option(REQUIRED, "This folder is made for the tables and the plot.")
    overwrite: bool = option(False, "An earlier report of that name is replaced.")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class Run:
    """One system's finished measurement."""

    name: str
    language: str  # that is written
    chunks: Sequence[Mapping]
    segments: Sequence[Mapping] | None  # not played, or not all of them
    stream: LongStream

    @property
    def metric(self) -> str:
        return "WER" if self.language == "en" else "BLEU"

    @property
    def references(self) -> list[str]:
        return self.stream.references(self.language)

    @cached_property
    def words(self) -> list[Word]:
        return written_words(self.chunks)

    @cached_property
    def on_stream(self) -> Alignment:
        return align(self.references, self.words)

    @cached_property
    def on_segments(self) -> Alignment | None:
        if self.segments is None:
            return None
        words = [
            word
            for segment, played in zip(self.stream.segments, self.segments, strict=True)
            for word in written_words(played["chunks"], 1000 * segment.offset_s)
        ]
        return align(self.references, words)


def read_runs(folder: Path, stream: LongStream) -> list[Run]:
    """Systems that played the stream. Raises InputError for a damaged file, another stream's run, or none.

    Of one whose cut segments are not all there, only what it did on the stream counts.
    """
    runs = []
    for path in sorted(folder.glob(f"*/{SYSTEM}")):
        place = path.parent
        if not (place / STREAM).is_file():
            print(f"{place.name} has not played the stream to its end: left out", file=sys.stderr)
            continue
        values = read_yaml(path)
        if Path(values["source"]) != stream.audio.resolve():
            raise InputError(f"{place} was run on {values['source']}, not on {stream.audio.resolve()}")
        chunks = [row for _, row in read_json_lines(place / STREAM, MEND)]
        segments = None
        if (place / SEGMENTS).is_file():
            segments = [row for _, row in read_json_lines(place / SEGMENTS, MEND)]
        if segments is None or [row["id"] for row in segments] != [one.id for one in stream.segments]:
            print(f"{place.name} has not played all cut segments: nothing to compare with", file=sys.stderr)
            segments = None
        runs.append(Run(place.name, values["target_language"], chunks, segments, stream))
    if not runs:
        raise InputError(f"{folder} holds no finished run: run benchmarks.long_speech first")
    return runs


def tables(runs: Sequence[Run], stream: LongStream) -> dict[str, list[Row]]:
    """Rows by the name of their table; a table without rows is left out."""
    end_s = stream.repeated_s or min(END_S, 60 * stream.about["minutes"] / 3)
    found: dict[str, list[Row]] = {}

    def add(name: str, run: Run, row: Row) -> None:
        found.setdefault(name, []).append({"system": run.name, **row})

    for run in runs:
        quality = statistics.quality(run.metric, run.on_stream, run.on_segments, run.references)
        lags = {
            f"LAAL_{name}_s": "" if one is None else statistics.lag_s(one, stream.segments)
            for name, one in (("stream", run.on_stream), ("segments", run.on_segments))
        }
        add("summary", run, {"metric": run.metric, **quality, **lags, "words": len(run.words)})
        add("cost", run, statistics.both_ends(run.chunks, end_s, "cpu_ms"))
        add("memory", run, statistics.memory(run.chunks))
        for row in _by_time(run.chunks):
            add("by_time", run, row)
        for row in _peer(run.chunks, stream):
            add("peer", run, row)
        written = statistics.words_where_nobody_speaks(run.words, stream.nobody)
        for row in _nobody(written, stream):
            add("nobody", run, row)
        for stretch, words in zip(stream.nobody, written, strict=True):
            if words:
                text = " ".join(word.text for word in words)
                add("words", run, {"kind": stretch.kind, "offset_s": stretch.offset_s, "text": text})
        for begin_s, text in statistics.looping(run.words, stream.segments, run.language):
            add("loops", run, {"begin_s": begin_s, "text": text})
    return found


def _by_time(chunks: Sequence[Mapping]) -> list[Row]:
    keys = ("wall_ms", "cpu_ms", "peer_wall_ms", "peer_cpu_ms")
    columns = {key: dict(statistics.cost_by_time(chunks, EVERY_S, key)) for key in keys}
    return [
        {
            "until_minute": end_s / 60,
            **{key: column.get(end_s, "") for key, column in columns.items()},
        }
        for end_s in columns["cpu_ms"]
    ]


def _peer(chunks: Sequence[Mapping], stream: LongStream) -> list[Row]:
    """Ours against the peer on the chunks that both heard, and on those of them in which somebody speaks."""
    both = [chunk for chunk in chunks if "peer_cpu_ms" in chunk]
    spoken = [
        chunk
        for chunk in both
        if any(one.offset_s < chunk["heard_ms"] / 1000 <= one.end_s for one in stream.segments)
    ]
    rows = []
    for name, some in (("all", both), ("somebody speaks", spoken)):
        if some:
            means = {
                key: sum(chunk[key] for chunk in some) / len(some)
                for key in ("cpu_ms", "peer_cpu_ms", "wall_ms", "peer_wall_ms")
            }
            ratio = {"ratio": means["peer_cpu_ms"] / means["cpu_ms"]}
            rows.append({"chunks_where": name, "chunks": len(some), **means, **ratio})
    return rows


def _nobody(written: Sequence[Sequence[Word]], stream: LongStream) -> list[Row]:
    rows = []
    for kind in sorted({one.kind for one in stream.nobody}):
        chosen = [(one, words) for one, words in zip(stream.nobody, written, strict=True) if one.kind == kind]
        rows.append(
            {
                "kind": kind,
                "stretches": len(chosen),
                "minutes": sum(one.duration_s for one, _ in chosen) / 60,
                "words": sum(len(words) for _, words in chosen),
                "stretches_with_words": sum(bool(words) for _, words in chosen),
            }
        )
    return rows


def run_report(options: ReportOptions) -> None:
    stream = read_stream(options.stream)
    runs = read_runs(options.runs, stream)
    found = tables(runs, stream)
    with whole_folder(options.output, options.overwrite, "summary.tsv") as folder:
        for name, rows in found.items():
            write_tsv(folder / f"{name}.tsv", rows)
        plot_costs(folder / "long_speech.png", {run.name: run.chunks for run in runs})
    shown = ("summary", "cost", "peer", "memory", "nobody")
    print("\n\n".join(text_table(found[name]) for name in shown if name in found))
    print(f"\nwindows with a loop: {len(found.get('loops', []))}")


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    program = "python -m benchmarks.long_speech.report"
    return exit_status(lambda: run_report(parse(ReportOptions, program, __doc__.split("\n")[0], words)))


if __name__ == "__main__":
    sys.exit(main())
