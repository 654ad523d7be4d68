"""What a chunk costs in each run of hearing.yaml: all agents hear the same clips, in turns, in one process.

    python -m benchmarks.whisper_hearing.cost --output outputs/hearing-cost --clips 4

Writes cost.tsv: policy, hearing, frozen_after_s, chunks, and the mean and median processor time of a chunk in
ms with what the first hearing of that policy costs divided by it (of means).
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.sweeps.plan import load_plan
from evaluation.table import Row, text_table, write_tsv
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.files.whole_folder import whole_folder
from foundation.options import REQUIRED, check_options, option

TABLE = "cost.tsv"


@dataclass(frozen=True)
class CostOptions:
    """What is measured."""

    output: Path = option(REQUIRED, "This folder is made for the table.")
    sweep: Path = option(Path(__file__).with_name("hearing.yaml"), "This file names the runs.")
    source: Path | None = option(None, "This list of audio files takes the place of the sweep's.")
    clips: int = option(4, "So many of the first clips are heard.", at_least=1)

    def __post_init__(self) -> None:
        check_options(self)


def measure(options: CostOptions) -> list[dict]:
    """A row of each chunk of each agent, as `take_turns` gives them; agents are (policy, hearing, frozen)."""
    from agents.test_set.input_lists import read_audio_list
    from benchmarks.chunk_compute.turns import take_turns, warm_up
    from benchmarks.long_speech.systems import load_agent
    from models.sound.audio import read_audio

    overrides = {} if options.source is None else {"source": [str(options.source)]}
    runs = [
        run for run in load_plan(options.sweep, options.output, overrides).runs if not run.place.is_offline
    ]
    configuration = runs[0].configuration
    chunk_ms = configuration.agent_options.chunk_ms
    clips = [
        read_audio(path) for path in read_audio_list(str(configuration.evaluation.source))[: options.clips]
    ]
    agents = {_name(run.place): load_agent(run.configuration) for run in runs}
    warm_up(agents, clips[0], chunk_ms)
    return [row for clip in clips for row in take_turns(agents, clip, chunk_ms)]


def _name(place) -> tuple[str, str, str]:
    policy, _, hearing = place.system.partition("-")
    return policy, hearing, place.setting.partition("=")[2]


def rows_of(chunks: Sequence[dict]) -> list[Row]:
    costs: dict[tuple[str, str, str], list[float]] = {}
    for chunk in chunks:
        costs.setdefault(chunk["agent"], []).append(chunk["cpu_ms"])
    first = {}
    rows = []
    for (policy, hearing, frozen), cost in sorted(costs.items(), key=lambda one: one[0][0]):
        mean = float(np.mean(cost))
        first.setdefault(policy, mean)
        rows.append(
            {
                "policy": policy,
                "hearing": hearing,
                "frozen_after_s": frozen,
                "chunks": len(cost),
                "cpu_ms": round(mean, 1),
                "median_cpu_ms": round(float(np.median(cost)), 1),
                "ratio": round(first[policy] / mean, 2),
            }
        )
    return rows


def run(options: CostOptions) -> None:
    import torch

    torch.set_num_threads(1)
    with whole_folder(options.output, mark=TABLE) as folder:
        rows = rows_of(measure(options))
        write_tsv(folder / TABLE, rows)
    print(text_table(rows))


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    program = "python -m benchmarks.whisper_hearing.cost"
    return exit_status(lambda: run(parse(CostOptions, program, __doc__.split("\n")[0], words)))


if __name__ == "__main__":
    sys.exit(main())
