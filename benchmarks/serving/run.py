"""Play all kinds of servers with growing numbers of clients, one after the other, for each agent."""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.serving.clients import LOST_S, speak_together
from benchmarks.serving.paper import paper_rows, work_of
from benchmarks.serving.report import held_rows, is_held, plot, row
from benchmarks.serving.servers import KINDS, serving
from evaluation.table import text_table, write_tsv
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.errors import InputError
from foundation.files.yaml_files import read_yaml
from foundation.options import check_options, option

AGENTS = Path(__file__).with_name("agents")
CLIPS = Path(__file__).parents[2] / "eval_configs"

WARM_UP_S = 2.0


@dataclass(frozen=True)
class ServingOptions:
    """What is measured."""

    agents: tuple[str, ...] = option(
        (),
        "Files of speech processors, which must give chunk_ms; default: benchmarks/serving/agents.",
        metavar="AGENT.yaml",
        positional=True,
        is_path=True,
    )
    most_clients: int = option(64, "No more speak at once.", at_least=1)
    seconds: float = option(10.0, "Each of them speaks for so long.", above=0)
    audio: Path = option(CLIPS, "They speak what lies in this folder, at any depth (FLAC, 16 kHz).")
    kinds: tuple[str, ...] = option(KINDS, "These servers are measured.", KINDS)
    output: Path = option(Path("outputs/serving"), "The folder for tables and plot.")

    def __post_init__(self) -> None:
        check_options(self)
        for file in self.files():
            if not isinstance(read_yaml(file).get("chunk_ms"), int):
                raise InputError(f"{file} must give chunk_ms: clients speak chunk by chunk")

    def files(self) -> list[Path]:
        """Of all agents."""
        order = ("reina-mini.yaml", "simulsa-mini.yaml", "whisper-tiny.en.yaml")
        return [Path(file) for file in self.agents] or [AGENTS / name for name in order]


class Tables:
    """What has been measured so far, on disk after each measurement."""

    def __init__(self, folder: Path, kinds: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._kinds = kinds
        self.rows: list[dict[str, Any]] = []
        self._delays: list[dict[str, Any]] = []

    def add(self, one: dict[str, Any], delays_s: Sequence[float]) -> None:
        self.rows.append(one)
        named = {name: one[name] for name in ("agent", "server", "clients")}
        self._delays += [{**named, "delay_s": round(delay_s, 4)} for delay_s in delays_s]
        write_tsv(self._folder / "serving.tsv", self.rows)
        write_tsv(self._folder / "delays.tsv", self._delays)
        write_tsv(self._folder / "held.tsv", held_rows(self.rows, self._kinds))
        plot(self._folder / "serving.png", self.rows)
        print(text_table([one]), flush=True)


def grow(measure: Callable[[int], Mapping], most: int) -> None:
    """Measure 1, 2, 4, ... clients up to `most`, until a number is not held; then the one in the middle."""
    clients = held = 0
    while clients < most:
        clients = min(most, 2 * clients or 1)
        if not is_held(measure(clients)):
            break
        held = clients
    middle = (held + clients) // 2
    if held < middle < clients:
        measure(middle)


def run(options: ServingOptions) -> None:
    """Everything that is asked for, and then what a GPU would hold on paper."""
    files = sorted(options.audio.rglob("*.flac"))
    if not files:
        raise InputError(f"{options.audio} holds no FLAC files")
    samples = np.concatenate([soundfile.read(file, dtype="int16")[0] for file in files])
    tables = Tables(options.output, options.kinds)
    for agent in options.files():
        chunk_ms = read_yaml(agent)["chunk_ms"]
        for kind in options.kinds:

            def measure(clients: int, agent=agent, kind=kind, chunk_ms=chunk_ms) -> Mapping:
                return _measure(options, tables, agent, kind, clients, samples, chunk_ms)

            grow(measure, options.most_clients)
    works = {agent.stem: work_of(agent, samples, options.seconds) for agent in options.files()}
    write_tsv(options.output / "paper.tsv", paper_rows(works))
    print(text_table(tables.rows))
    print(text_table(held_rows(tables.rows, options.kinds)))
    print(text_table(paper_rows(works)))


def _measure(
    options: ServingOptions,
    tables: Tables,
    agent: Path,
    kind: str,
    clients: int,
    samples: np.ndarray,
    chunk_ms: int,
) -> Mapping:
    with tempfile.TemporaryDirectory() as folder:
        with serving(kind, agent.resolve(), clients, Path(folder)) as servers:
            # A server's first chunks take longer: libraries load what they need then.
            warm_up = speak_together(servers.uris, len(servers.uris), samples, WARM_UP_S, chunk_ms)
            asyncio.run(warm_up)
            before_s = servers.processor_s()
            delays_s = asyncio.run(speak_together(servers.uris, clients, samples, options.seconds, chunk_ms))
            used_s, memory_mib = servers.processor_s() - before_s, servers.memory_mib()
    answered_s = sum(delay_s < LOST_S for delay_s in delays_s) * chunk_ms / 1000
    one = row(agent.stem, kind, clients, delays_s, used_s, max(answered_s, chunk_ms / 1000), memory_mib)
    tables.add(one, delays_s)
    return one


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    program = "python -m benchmarks.serving"
    return exit_status(lambda: run(parse(ServingOptions, program, "Clients that a server holds.", words)))
