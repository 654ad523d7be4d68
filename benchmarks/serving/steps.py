"""What a second of speech costs the engine itself, alone and among others, by the threads that step.

    python -m benchmarks.serving.steps [AGENT.yaml ...] [--streams 8] [--seconds 6] [--output DIR]

Streams speak different clips, a chunk each at every step, without sockets, servers or waiting for the
speaker. The same streams are played one by one, two, four, ... and all in a step: by one thread that
multiplies on one core, by one that multiplies on all cores, and by two threads, one core each, that share the
streams. Texts must be the same each time. DIR gets steps.tsv: for each way seconds of processor time and of
the clock for each second of speech, and how the processor time is divided among encoder, the decoder's first
pass over the text, its further steps, and the rest. Processor time hardly depends on what else the machine
does; the clock does.
"""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from agents.configuration.agent_configuration import AgentConfiguration, configure_agent
from agents.configuration.agent_engine import load_engine
from agents.engine import StreamingEngine
from benchmarks.serving.run import AGENTS, CLIPS
from evaluation.table import text_table, write_tsv
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.files.yaml_files import read_yaml
from foundation.options import check_options, option
from serve.simulstream_options import SimulstreamOptions

SAMPLE_RATE = 16_000
APART_S = 5  # streams begin so far apart in the clips
PARTS = {"encode_streams": "encoder", "start": "text", "read": "text", "step": "steps"}
SHARES = ("encoder", "text", "steps")


@dataclass(frozen=True)
class StepsOptions:
    """What is played."""

    agents: tuple[str, ...] = option(
        (),
        "Files of speech processors; default: reina-mini and Whisper tiny.en of benchmarks/serving/agents.",
        metavar="AGENT.yaml",
        positional=True,
        is_path=True,
    )
    streams: int = option(8, "So many streams are played.", at_least=1)
    seconds: float = option(6.0, "Each of them speaks for so long.", above=0)
    output: Path = option(Path("outputs/serving-steps"), "The folder for the table.")

    def __post_init__(self) -> None:
        check_options(self)

    def files(self) -> list[Path]:
        """Of all agents."""
        return [Path(file) for file in self.agents] or [
            AGENTS / f"{name}.yaml" for name in ("reina-mini", "whisper-tiny.en")
        ]


class Played:
    """One engine and its speech; remembers what each stream wrote, which must be the same each time."""

    def __init__(
        self, engine: StreamingEngine, configuration: AgentConfiguration, spoken: np.ndarray
    ) -> None:
        """spoken: (S, n) int16 of S streams, whole chunks."""
        self.engine = engine
        self._configuration = configuration
        self._spoken = spoken
        self._texts: dict[int, str] = {}
        self._clock = _PartsClock(engine.translator)

    def measure(self, streams_at_once: int, workers: int, threads: int) -> dict[str, Any]:
        """One line of the table. threads: of each worker, in its multiplications."""
        streams = len(self._spoken)
        failed: list[BaseException] = []

        def work(own: Sequence[int]) -> None:
            torch.set_num_threads(threads)
            try:
                for begin in range(0, len(own), streams_at_once):
                    self._play(own[begin : begin + streams_at_once])
            except BaseException as error:
                failed.append(error)

        working = [
            threading.Thread(target=work, args=(range(one, streams, workers),)) for one in range(workers)
        ]
        self._clock.parts_s.clear()
        began_s, used_s = time.perf_counter(), time.process_time()
        for thread in working:
            thread.start()
        for thread in working:
            thread.join()
        used_s, took_s = time.process_time() - used_s, time.perf_counter() - began_s
        if failed:
            raise failed[0]
        audio_s = self._spoken.size / SAMPLE_RATE
        parts_s = self._clock.parts_s
        row = {
            "streams_in_step": streams_at_once,
            "workers": workers,
            "threads_each": threads,
            "processor_s_per_audio_s": round(used_s / audio_s, 3),
            "clock_s_per_audio_s": round(took_s / audio_s, 3),
        }
        if workers == threads == 1:  # parts are told by the thread itself, which sees no others
            shares = {name: round(parts_s.get(name, 0.0) / audio_s, 3) for name in SHARES}
            return row | shares | {"rest": round((used_s - sum(parts_s.values())) / audio_s, 3)}
        return row | dict.fromkeys((*SHARES, "rest"), "")

    def _play(self, places: Sequence[int]) -> None:
        configuration = self._configuration
        streams = [self.engine.open_stream(configuration.policy, configuration.languages) for _ in places]
        size = SAMPLE_RATE * configuration.agent_options.chunk_ms // 1000
        texts = [""] * len(places)
        for begin in range(0, self._spoken.shape[1], size):
            for place, stream in zip(places, streams, strict=True):
                stream.audio.append(self._spoken[place, begin : begin + size], SAMPLE_RATE)
            for at, decision in enumerate(self.engine.step(streams)):
                if decision.error is not None:
                    raise decision.error
                texts[at] += decision.text
        for place, text in zip(places, texts, strict=True):
            if self._texts.setdefault(place, text) != text:
                raise RuntimeError(f"stream {place} wrote {text!r}, and before {self._texts[place]!r}")


class _PartsClock:
    """Processor time of a translator's parts, by name; where one asks another, it is the outer one's."""

    def __init__(self, translator: Any) -> None:
        self.parts_s: dict[str, float] = {}
        self._within = threading.local()
        for method, part in PARTS.items():
            setattr(translator, method, self._timed(getattr(translator, method), part))

    def _timed(self, function: Callable, part: str) -> Callable:
        def timed(*args, **kwargs):
            if getattr(self._within, "part", None) is not None:
                return function(*args, **kwargs)
            self._within.part, began_s = part, time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self._within.part = None
                self.parts_s[part] = self.parts_s.get(part, 0.0) + time.thread_time() - began_s

        return timed


def run(options: StepsOptions) -> None:
    """All agents, one after the other."""
    files = sorted(CLIPS.rglob("*.flac"))
    samples = np.concatenate([soundfile.read(file, dtype="int16")[0] for file in files])
    cores = torch.get_num_threads()
    rows = []
    options.output.mkdir(parents=True, exist_ok=True)
    for file in options.files():
        configuration, _ = configure_agent(read_yaml(file), file, others=(SimulstreamOptions,))
        chunk_ms = configuration.agent_options.chunk_ms
        size = int(1000 * options.seconds / chunk_ms) * SAMPLE_RATE * chunk_ms // 1000
        spoken = np.stack(
            [
                np.resize(np.roll(samples, -stream * APART_S * SAMPLE_RATE), size)
                for stream in range(options.streams)
            ]
        )
        played = Played(load_engine(configuration), configuration, spoken)
        played.measure(options.streams, 1, 1)  # the first steps load what they need
        sizes = [1 << power for power in range(options.streams.bit_length())]
        ways = [(size, 1, 1) for size in sizes]
        ways += [(size, 1, cores) for size in (1, sizes[-1]) if cores > 1]
        ways += [(size, 2, 1) for size in dict.fromkeys((1, max(1, sizes[-1] // 2)))]
        for way in ways:
            rows.append({"agent": file.stem, **played.measure(*way)})
            print(text_table([rows[-1]]), flush=True)
            write_tsv(options.output / "steps.tsv", rows)
    print(text_table(rows))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    program = "python -m benchmarks.serving.steps"
    return exit_status(lambda: run(parse(StepsOptions, program, "What a second of speech costs.", words)))


if __name__ == "__main__":
    sys.exit(main())
