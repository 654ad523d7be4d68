"""What a chunk costs: our agents in several settings beside the same policies as others do them.

    python -m benchmarks.chunk_compute --source S/source.txt --target S/target.en.txt --output FOLDER
    python -m benchmarks.chunk_compute.lengths --source S/source.txt --output FOLDER2

All are SimulEval agents in this process and hear the same audio in the same chunks, in turns. Weights,
prompt, forced prefix, token limits, suppressed tokens, threads (one) and the whole-word rule are the same.
Peers (`peers.py`): for hold-n `generate` of transformers and CTranslate2 in 32 and 8 bits, for AlignAtt plain
re-decoding as SimulStreaming does it, and before that SimulStreaming itself where --simulstreaming names a
checkout; they begin anew at every chunk. Ours: the settings of --settings.

Prints one table for each policy and writes it to FOLDER with every chunk and all texts: POLICY.tsv,
POLICY-chunks.tsv, POLICY-texts.tsv. There `cpu_ratio` is the first peer's mean processor time over the
agent's, `int8_ratio` the same of CTranslate2 in 8 bits in the full window; `WER_more` is the word error rate
above the first peer's in points, with its 95% interval (`from`, `to`); `same_text` counts clips;
`written_at_s` is how much had been heard when an average word was written. `goal`: whether the ratio is at
least 8 (hold-n) or 10 (AlignAtt) and the interval ends below 1 point.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chunk_compute.peers import peer_names
from benchmarks.chunk_compute.settings import PolicySettings, read_settings
from evaluation.table import text_table, write_tsv
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.errors import InputError
from foundation.options import REQUIRED, check_options, option
from foundation.progress import Progress

LONGEST_MS = 30_000.0


@dataclass(frozen=True)
class RunOptions:
    """What is measured."""

    source: Path = option(REQUIRED, "This list names audio files in the spoken language.")
    target: Path = option(REQUIRED, "This list holds what is to be written.")
    output: Path = option(REQUIRED, "This folder is made for tables and chunks.")
    model: str = option("openai/whisper-tiny.en", "The model is this folder, checkpoint file or name.")
    settings: Path = option(
        Path(__file__).with_name("settings.yaml"), "This file names policies and settings."
    )
    policies: tuple[str, ...] = option((), "Of the policies only these are measured.")
    only: tuple[str, ...] = option((), "Of the settings only these are measured.")
    peers: tuple[str, ...] = option((), "Of the peers only these are measured.")
    simulstreaming: Path | None = option(
        None, "This checkout of https://github.com/ufal/SimulStreaming is AlignAtt's first peer."
    )
    every: int = option(1, "Of the clips one in so many is heard.", at_least=1)
    threads: int = option(1, "The networks compute with so many threads.", at_least=1, at_most=1024)

    def __post_init__(self) -> None:
        check_options(self)
        if self.simulstreaming is not None and not (self.simulstreaming / "simulstreaming").is_dir():
            raise InputError(f"--simulstreaming {self.simulstreaming} is no checkout of SimulStreaming")


def run(options: RunOptions) -> None:
    """Raises InputError before anything is measured or written."""
    if options.output.exists():
        raise InputError(f"{options.output} exists: name another --output")
    policies = read_settings(options.settings, options.model, options.policies, options.only)
    peers = {}
    for one in policies:
        peers[one.policy], left_out = peer_names(one.policy, options.peers, options.simulstreaming)
        if left_out:
            print(f"{one.policy}: {left_out}")
        if not peers[one.policy]:
            raise InputError(f"{one.policy} has no peer here to be measured against: name other --policies")
    import torch

    from agents.test_set.input_lists import check_test_set, read_audio_list, read_references
    from models.sound.audio import read_audio

    torch.set_num_threads(options.threads)
    check_test_set(str(options.source), str(options.target), LONGEST_MS)
    clips = [read_audio(path) for path in read_audio_list(str(options.source))[:: options.every]]
    references = read_references(str(options.target))[:: options.every]
    measured = {
        one.policy: measure(one, peers[one.policy], clips, options.simulstreaming) for one in policies
    }
    _write(options.output, measured, peers, references)


def measure(
    settings: PolicySettings, peers: Sequence[str], clips: Sequence, simulstreaming: Path | None = None
) -> list[dict]:
    """Rows of all chunks of all agents, as `take_turns` gives them, with their clip."""
    from benchmarks.chunk_compute.peers import Peers
    from benchmarks.chunk_compute.turns import take_turns, warm_up
    from benchmarks.long_speech.systems import load_agent

    built = Peers(settings.common, simulstreaming)
    agents = {name: built.build(name) for name in peers}
    agents |= {f"ours, {name}": load_agent(setting) for name, setting in settings.ours.items()}
    warm_up(agents, clips[0], settings.chunk_ms)
    rows = []
    with Progress(len(clips), "clip", settings.policy) as progress:
        for at, clip in enumerate(clips):
            rows += [{"clip": at, **row} for row in take_turns(agents, clip, settings.chunk_ms)]
            progress.add()
    return rows


def _write(output: Path, measured: dict[str, list[dict]], peers: dict, references: Sequence[str]) -> None:
    from benchmarks.chunk_compute.plot import plot_turns
    from benchmarks.chunk_compute.report import compute_table, texts_of

    tables = {
        policy: compute_table(rows, references, peers[policy][0], policy) for policy, rows in measured.items()
    }
    output.mkdir(parents=True)
    for policy, rows in measured.items():
        write_tsv(output / f"{policy}.tsv", tables[policy])
        write_tsv(output / f"{policy}-texts.tsv", texts_of(rows))
        numbers = [{key: value for key, value in row.items() if key != "text"} for row in rows]
        write_tsv(output / f"{policy}-chunks.tsv", numbers)
        plot_turns(output / f"{policy}.png", policy, rows)
        print(f"{policy}\n{text_table(tables[policy])}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    return exit_status(
        lambda: run(parse(RunOptions, "python -m benchmarks.chunk_compute", __doc__.split("\n")[0], words))
    )
