"""Play all kinds of servers with all numbers of clients, one after the other."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.serving.clients import speak_together
from benchmarks.serving.report import held, plot, row
from benchmarks.serving.servers import KINDS, serving
from evaluation.table import text_table, write_tsv
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.errors import InputError
from foundation.files.yaml_files import read_yaml
from foundation.options import REQUIRED, check_options, option

CLIPS = Path(__file__).parents[2] / "eval_configs" / "quickstart_de" / "audio"


@dataclass(frozen=True)
class ServingOptions:
    """What is measured."""

    agent: Path = option(
        REQUIRED,
        "The file of a speech processor; it must give chunk_ms.",
        metavar="CONFIG.yaml",
        positional=True,
    )
    clients: tuple[int, ...] = option((1, 2, 4, 8), "So many speak at once.", at_least=1)
    seconds: float = option(20.0, "Each of them speaks for so long.", above=0)
    audio: Path = option(CLIPS, "They speak what lies in this folder (FLAC, 16 kHz).")
    kinds: tuple[str, ...] = option(KINDS, "These servers are measured.", KINDS)
    output: Path = option(Path("outputs/serving"), "The folder for table and plot.")

    def __post_init__(self) -> None:
        check_options(self)
        if not isinstance(read_yaml(self.agent).get("chunk_ms"), int):
            raise InputError(f"{self.agent} must give chunk_ms: clients speak chunk by chunk")


def run(options: ServingOptions) -> None:
    """A kind that has lost real time is asked for no more clients: it would only take longer."""
    files = sorted(options.audio.glob("*.flac"))
    if not files:
        raise InputError(f"{options.audio} holds no FLAC files")
    samples = np.concatenate([soundfile.read(file, dtype="int16")[0] for file in files])
    chunk_ms = read_yaml(options.agent)["chunk_ms"]
    rows = []
    for kind in options.kinds:
        for clients in sorted(options.clients):
            with tempfile.TemporaryDirectory() as folder:
                with serving(kind, options.agent.resolve(), clients, Path(folder)) as servers:
                    before_s = servers.processor_s()
                    speaking = speak_together(servers.uris, clients, samples, options.seconds, chunk_ms)
                    delays_s = asyncio.run(speaking)
                    used_s = servers.processor_s() - before_s
                    memory_mib = servers.memory_mib()
            rows.append(row(kind, clients, delays_s, used_s, clients * options.seconds, memory_mib))
            print(text_table([rows[-1]]), flush=True)
            if rows[-1]["p95_s"] > options.seconds:
                break
    options.output.mkdir(parents=True, exist_ok=True)
    write_tsv(options.output / "serving.tsv", rows)
    plot(options.output / "serving.png", rows)
    print(text_table(rows))
    print(", ".join(f"{kind} holds {most}" for kind, most in held(rows).items()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    program = "python -m benchmarks.serving"
    return exit_status(lambda: run(parse(ServingOptions, program, "Clients that a server holds.", words)))
