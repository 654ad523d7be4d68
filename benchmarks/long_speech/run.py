r"""Hours of speech: what a chunk costs, whether memory stays, and what is written, against the cut segments.

    python -m benchmarks.long_speech.make_stream --bass BASS --output outputs/long
    python -m benchmarks.long_speech --stream outputs/long --output outputs/long-runs
    python -m benchmarks.long_speech.report --stream outputs/long --runs outputs/long-runs --output RESULTS

Each system of --systems plays the stream chunk by chunk through one engine and one stream, then every cut
segment through a fresh stream of the same agent that forgets nothing. OUTPUT/SYSTEM holds what came of it:

    system.yaml     its settings; other ones are refused
    stream.jsonl    each chunk: heard_ms, text, wall_ms, cpu_ms; once a minute resident_mib; peer_wall_ms,
                    peer_cpu_ms and peer_text where the peer heard the same chunk
    segments.jsonl  each segment with its chunks

The peer (`benchmarks/long_speech/redecoding.py`) hears one minute in --peer-every, beginning half a minute
before it is timed, so that its window is full. A run that was killed goes on: finished streams and segments
stay; a stream that was not finished begins anew, since what an engine remembers is not stored.
"""

import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.long_speech.play import pieces_of, play, resident_mib
from benchmarks.long_speech.sampled_peer import MINUTE_MS, SampledPeer
from benchmarks.long_speech.stream_files import LongStream, read_stream
from benchmarks.long_speech.systems import System, load_agent, read_systems
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.errors import InputError
from foundation.files.journal import Journal
from foundation.files.whole_folder import replaced_file
from foundation.files.yaml_files import dump_yaml, read_yaml
from foundation.options import REQUIRED, check_options, option
from foundation.progress import Progress

SYSTEM, STREAM, SEGMENTS = "system.yaml", "stream.jsonl", "segments.jsonl"
WARM_UP_CHUNKS = 3  # first calls allocate memory and choose kernels


@dataclass(frozen=True)
class RunOptions:
    """What is measured."""

    stream: Path = option(REQUIRED, "This folder was made by benchmarks.long_speech.make_stream.")
    output: Path = option(REQUIRED, "Each system has a folder in this one.")
    systems: Path = option(Path(__file__).with_name("systems.yaml"), "This file names the systems.")
    only: tuple[str, ...] = option((), "Of the systems only these are measured.")
    peer_every: int = option(15, "The peer hears one of so many minutes; 0: none.", at_least=0)
    threads: int = option(1, "The networks compute with so many threads.", at_least=1, at_most=1024)

    def __post_init__(self) -> None:
        check_options(self)


def run(options: RunOptions) -> None:
    """Measure all systems, one after the other, each in a process of its own."""
    stream = read_stream(options.stream)
    for system in read_systems(options.systems, stream, options.only):
        # In a process of its own no system's memory is counted with another's.
        process = get_context("spawn").Process(target=_measure_here, args=(system, options), daemon=True)
        process.start()
        process.join()
        if process.exitcode:
            sys.exit(process.exitcode)


def _measure_here(system: System, options: RunOptions) -> None:
    sys.exit(exit_status(lambda: measure(system, options)))


def measure(system: System, options: RunOptions) -> None:
    """Play the stream and the segments, whatever of it is not done. Raises InputError naming the system."""
    import torch

    torch.set_num_threads(options.threads)
    stream = read_stream(options.stream)
    folder = options.output / system.name
    _claim(folder, system, options)
    try:
        if not (folder / STREAM).exists():
            _play_stream(system, stream, folder / STREAM, options.peer_every)
        _play_segments(system, stream, folder)
    except InputError as error:
        raise InputError(f"system {system.name}: {error}") from None


def _claim(folder: Path, system: System, options: RunOptions) -> None:
    """Raises InputError where the folder holds a run of other settings."""
    values = {"threads": options.threads} | system.on_stream().values()
    path = folder / SYSTEM
    if path.exists() and read_yaml(path) != values:
        raise InputError(f"{folder} holds a run of other settings ({SYSTEM}): name another --output")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(dump_yaml(values), encoding="utf-8")


def _play_stream(system: System, stream: LongStream, path: Path, peer_every: int) -> None:
    configuration = system.on_stream()
    agent, chunk_ms = load_agent(configuration), configuration.agent_options.chunk_ms
    list(islice(play(agent, pieces_of(stream.audio, chunk_ms)), WARM_UP_CHUNKS))
    peer = SampledPeer(configuration, peer_every) if system.with_peer and peer_every else None
    total = ceil(60_000 * stream.about["minutes"] / chunk_ms)
    newest = []  # the peer is given the same chunk right behind ours: both feel a busy machine alike

    def heard() -> Iterator[tuple[np.ndarray, bool]]:
        for samples, finished in pieces_of(stream.audio, chunk_ms):
            newest[:] = [samples]
            yield samples, finished

    minute = -1
    with (
        Progress(total, "chunk", f"{system.name}, the stream") as progress,
        replaced_file(path) as partial,
        partial.open("w", encoding="utf-8") as file,
    ):
        for chunk in play(agent, heard()):
            row = dataclasses.asdict(chunk)
            if peer is not None:
                row |= peer.hear(newest[0], chunk.heard_ms)
            if chunk.heard_ms // MINUTE_MS > minute:
                minute = chunk.heard_ms // MINUTE_MS
                row["resident_mib"] = resident_mib()
                file.flush()
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            progress.add()


def _play_segments(system: System, stream: LongStream, folder: Path) -> None:
    journal = Journal(folder, SEGMENTS)
    done = len(journal.entries)
    if done >= len(stream.segments):
        return
    configuration = system.on_segments()
    agent, chunk_ms = load_agent(configuration), configuration.agent_options.chunk_ms
    with Progress(len(stream.segments), "segment", f"{system.name}, cut segments", done) as progress:
        for segment in stream.segments[done:]:
            pieces = pieces_of(stream.audio, chunk_ms, segment.offset_s, segment.duration_s)
            chunks = [dataclasses.asdict(chunk) for chunk in play(agent, pieces)]
            journal.append({"id": segment.id, "chunks": chunks})
            progress.add()


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    return exit_status(
        lambda: run(parse(RunOptions, "python -m benchmarks.long_speech", __doc__.split("\n")[0], words)),
        "interrupted: the same command goes on with what is not finished",
    )
