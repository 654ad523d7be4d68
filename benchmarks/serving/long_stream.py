"""One client that speaks for an hour to a server: does it cost the same at its end, and does memory stay?

    python -m benchmarks.serving.long_stream AUDIO_FOLDER [--agent AGENT.yaml] [--minutes 60] [--output DIR]

The recordings of a folder, in the order of their names and with a pause behind each, are one stream, sent as
fast as the server answers: a few chunks are under way at any time. DIR gets long_stream.tsv, a line for each
five minutes of speech: processor time of the server for each minute, its memory, and the words written.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import websockets

from benchmarks.serving.run import AGENTS
from benchmarks.serving.servers import Servers, serving
from evaluation.table import text_table, write_tsv
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.errors import InputError
from foundation.files.yaml_files import read_yaml
from foundation.options import REQUIRED, check_options, option

PAUSE_S = 0.5  # between recordings
UNDER_WAY = 4  # chunks that are sent ahead of their answers
MARK_MINUTES = 5


@dataclass(frozen=True)
class LongStreamOptions:
    """What is said, and to whom."""

    audio: Path = option(REQUIRED, "The folder of recordings (FLAC, one rate).", positional=True)
    agent: Path = option(AGENTS / "whisper-tiny.en.yaml", "The file of a speech processor.")
    minutes: float = option(60.0, "So much is said; recordings begin again where they are fewer.", above=0)
    output: Path = option(Path("outputs/long-stream"), "The folder for the table.")

    def __post_init__(self) -> None:
        check_options(self)
        if not any(self.audio.rglob("*.flac")):
            raise InputError(f"{self.audio} holds no FLAC files")


def chunks(folder: Path, seconds: float, chunk_ms: int) -> tuple[int, Iterator[bytes]]:
    """The rate of a folder's recordings in Hz, and so many seconds of them as 16-bit samples, by chunks."""
    files = sorted(folder.rglob("*.flac"))
    rate = soundfile.info(files[0]).samplerate
    size = rate * chunk_ms // 1000

    def cut() -> Iterator[bytes]:
        waiting, left = np.zeros(0, np.int16), int(1000 * seconds / chunk_ms)
        while True:
            for file in files:
                samples, own_rate = soundfile.read(file, dtype="int16")
                if own_rate != rate:
                    raise InputError(f"{file} has {own_rate} samples a second, others {rate}")
                waiting = np.concatenate([waiting, samples, np.zeros(int(PAUSE_S * rate), np.int16)])
                while len(waiting) >= size:
                    yield waiting[:size].tobytes()
                    waiting, left = waiting[size:], left - 1
                    if not left:
                        return

    return rate, cut()


async def speak(options: LongStreamOptions, servers: Servers) -> list[dict[str, Any]]:
    """A line for each five minutes. Raises RuntimeError for what the server calls an error."""
    chunk_ms = read_yaml(options.agent)["chunk_ms"]
    rate, spoken = chunks(options.audio, 60 * options.minutes, chunk_ms)
    rows: list[dict[str, Any]] = []
    words = answered = 0
    mark, used_s = MARK_MINUTES * 60_000 // chunk_ms, servers.processor_s()
    async with websockets.connect(servers.uris[0], ping_timeout=None) as client:
        await client.send(json.dumps({"sample_rate": rate}))
        free = asyncio.Semaphore(UNDER_WAY)

        async def send() -> None:
            for chunk in spoken:
                await free.acquire()
                await client.send(chunk)
            await client.send(json.dumps({"end_of_stream": True}))

        sending = asyncio.create_task(send())
        while "end_of_processing" not in (told := json.loads(await client.recv())):
            if "error" in told:
                raise RuntimeError(told["error"])
            free.release()
            words += len(told["new"].split())
            answered += 1
            if answered % mark == 0:
                now_s = servers.processor_s()
                row = {
                    "minutes": answered * chunk_ms / 60_000,
                    "processor_s_per_minute": round((now_s - used_s) / MARK_MINUTES, 2),
                    "memory_mib": round(servers.memory_now_mib()),
                    "words": words,
                }
                used_s = now_s
                rows.append(row)
                write_tsv(options.output / "long_stream.tsv", rows)
                print(text_table([row]), flush=True)
        await sending
    return rows


def run(options: LongStreamOptions) -> None:
    """Start a server, speak, and end it."""
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        with serving("ours", options.agent.resolve(), 1, Path(folder)) as servers:
            print(text_table(asyncio.run(speak(options, servers))))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    program = "python -m benchmarks.serving.long_stream"
    return exit_status(lambda: run(parse(LongStreamOptions, program, "One client for an hour.", words)))


if __name__ == "__main__":
    sys.exit(main())
