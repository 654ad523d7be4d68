"""What a chunk costs by the length of the audio heard, what it is made of, and the memory that it takes.

    python -m benchmarks.chunk_compute.lengths --source S/source.txt --output FOLDER

Clips of the list are joined to passages of 30 s, which every agent hears chunk by chunk --repeats times, each
agent in a process of its own, so that memory is its own, too. The last chunk, which ends a text, is left out.

Prints two tables for each policy and writes them to FOLDER with every chunk. POLICY-lengths.tsv: processor
time (ms) near 2, 5, 10, 20 and 28 s, whether it is flat (28 s within 10% of 5 s), real time (processor time
over the chunk's duration), the time outside the networks, and resident memory (MiB). POLICY-parts.tsv: time,
floating-point work and its rate for each part of a chunk, and the time that the work would take at the rate
of large matrix products on this core.
"""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from agents.configuration.agent_configuration import AgentConfiguration
from benchmarks.chunk_compute.peers import peer_names
from benchmarks.chunk_compute.settings import PolicySettings, read_settings
from evaluation.table import text_table, write_tsv
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.errors import InputError
from foundation.options import REQUIRED, check_options, option
from foundation.progress import Progress

PASSAGE_S = 30


@dataclass(frozen=True)
class LengthOptions:
    """What is measured."""

    source: Path = option(REQUIRED, "This list names audio files.")
    output: Path = option(REQUIRED, "This folder is made for tables and chunks.")
    model: str | None = option(None, "The model; default: that of the settings, or openai/whisper-base.")
    settings: Path = option(
        Path(__file__).with_name("settings.yaml"), "This file names policies and settings."
    )
    policies: tuple[str, ...] = option((), "Of the policies only these are measured.")
    only: tuple[str, ...] = option((), "Of the settings only these are measured.")
    peers: tuple[str, ...] = option((), "These peers are measured, too; default: none.")
    passages: int = option(2, "So many passages of 30 s are heard.", at_least=1)
    repeats: int = option(3, "Each passage is heard so often.", at_least=1)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class Measurement:
    """Of one agent: rows of its chunks with parts in ms, the same with operations, and the core's rate."""

    chunks: list[dict]
    work: list[dict]
    core_rate: float


def run(options: LengthOptions) -> None:
    """Raises InputError before anything is measured or written."""
    if options.output.exists():
        raise InputError(f"{options.output} exists: name another --output")
    policies = read_settings(options.settings, options.model, options.policies, options.only)
    passages = joined(options.source, options.passages)
    found = {}
    for one in policies:
        peers, left_out = peer_names(one.policy, options.peers) if options.peers else ((), None)
        if left_out:
            print(f"{one.policy}: {left_out}")
        found[one.policy] = _of_policy(one, peers, passages, options.repeats)
    options.output.mkdir(parents=True)
    for one in policies:
        _write(options.output, one, found[one.policy])


def joined(source: Path, count: int) -> list[np.ndarray]:
    """Passages (S,) of 30 s, each of other clips while there are some. Raises InputError for a bad list."""
    from agents.test_set.input_lists import read_audio_list
    from models.sound.audio import SAMPLE_RATE, read_audio

    length, heard, passages = PASSAGE_S * SAMPLE_RATE, [], []
    paths = read_audio_list(str(source))
    place = 0
    while len(passages) < count:
        heard.append(read_audio(paths[place % len(paths)]))
        place += 1
        if sum(map(len, heard)) >= length:
            passages.append(np.concatenate(heard)[:length])
            heard = []
    return passages


def _of_policy(
    settings: PolicySettings, peers: Sequence[str], passages: Sequence[np.ndarray], repeats: int
) -> list[Measurement]:
    agents = [(peer, settings.common) for peer in peers]
    agents += [(f"ours, {name}", setting) for name, setting in settings.ours.items()]
    found = []
    with Progress(len(agents), "agent", settings.policy) as progress:
        for name, configuration in agents:
            with ProcessPoolExecutor(1, get_context("spawn")) as process:
                found.append(process.submit(measure, name, configuration, passages, repeats).result())
            progress.add()
    return found


def measure(
    name: str, configuration: AgentConfiguration, passages: Sequence[np.ndarray], repeats: int
) -> Measurement:
    """One agent, ours or the peer of that name, in this process."""
    import torch

    from benchmarks.chunk_compute.parts import PartsWatch
    from benchmarks.chunk_compute.peers import Peers
    from benchmarks.chunk_compute.turns import take_turns, warm_up
    from benchmarks.floating_point_work import WorkCounter, matrix_rate
    from benchmarks.long_speech.play import resident_mib
    from benchmarks.long_speech.systems import load_agent

    torch.set_num_threads(1)
    ours = name.startswith("ours, ")
    agents = {name: load_agent(configuration) if ours else Peers(configuration).build(name)}
    chunk_ms = configuration.agent_options.chunk_ms
    warm_up(agents, passages[0], chunk_ms)
    loaded_mib = resident_mib()
    watch = PartsWatch(agents[name], time.process_time)

    def play(passage: int, scale: float) -> list[dict]:
        rows = []
        for row in take_turns(agents, passages[passage], chunk_ms):
            parts = {part: scale * value for part, value in watch.lap().items()}
            memory = {"loaded_mib": loaded_mib, "resident_mib": resident_mib()}
            rows.append({"passage": passage, **row, **parts, **memory})
        return rows[:-1]

    chunks = [row for _ in range(repeats) for at in range(len(passages)) for row in play(at, 1000.0)]
    with WorkCounter() as counter:
        watch.figure = lambda: counter.flops
        work = [row for at in range(len(passages)) for row in play(at, 1.0)]
    return Measurement(chunks, work, matrix_rate())


def _write(output: Path, settings: PolicySettings, found: Sequence[Measurement]) -> None:
    from benchmarks.chunk_compute.plot import plot_turns
    from benchmarks.chunk_compute.report import lengths_table, parts_table

    chunks = [row for one in found for row in one.chunks]
    work = [row for one in found for row in one.work]
    tables = {
        "lengths": lengths_table(chunks, settings.chunk_ms),
        "parts": parts_table(chunks, work, max(one.core_rate for one in found)),
    }
    for name, rows in tables.items():
        write_tsv(output / f"{settings.policy}-{name}.tsv", rows)
        print(f"{settings.policy}\n{text_table(rows)}\n")
    numbers = [{key: value for key, value in row.items() if key != "text"} for row in chunks]
    write_tsv(output / f"{settings.policy}-chunks.tsv", numbers)
    plot_turns(output / f"{settings.policy}.png", f"{settings.policy}, {settings.chunk_ms} ms chunks", chunks)


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    program, description = "python -m benchmarks.chunk_compute.lengths", __doc__.split("\n")[0]
    return exit_status(lambda: run(parse(LengthOptions, program, description, words)))


if __name__ == "__main__":
    sys.exit(main())
