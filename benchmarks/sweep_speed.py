"""A sweep by the batched engine beside the same settings one by one in SimulEval.

    python -m benchmarks.sweep_speed SWEEP.yaml --output FOLDER [--utterances 200] [--cores 2]
        [--profiled 24] [--profile-only] [--precisions bfloat16]

SWEEP.yaml is a file of `simulst sweep` (evaluation/sweeps/plan.py). First `simulst sweep --engine batched`
runs it, then plain `simuleval` runs each of its settings (offline run included), both on the same cores:
as many processes at a time as cores, each with one thread. Both are whole commands, from start to finished
log; the sweep also draws and scores its curves. Differences between the logs are counted.

Prints tables and writes them to FOLDER. speed.tsv: wall-clock and processor time, and their ratios. Of the
longest utterances, simulated together in this process: profile.tsv, processor time and floating-point work
by stage (and profile.png); bound.tsv, the time beside the one that the networks' work would take at the rate
of large matrix products in the same minutes, for half the settings, for all, and for a further one, which
finds the audio encoded; precisions.tsv, what other number formats cost and alter.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch

from benchmarks.sweep_precisions import measure_precision, precision_rows
from benchmarks.sweep_profile import further_setting, measure, plot_stages
from evaluation.configuration.test_set_files import lists_for_simuleval
from evaluation.run.batched_run import BatchedRun
from evaluation.run.evaluate import RUN_OPTIONS
from evaluation.sweeps.layout import SweepLayout
from evaluation.sweeps.plan import PlannedRun, load_plan
from evaluation.table import Row, text_table, write_tsv

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


class Clock:
    """Wall-clock and processor time of child processes."""

    def __enter__(self) -> "Clock":
        self._started = time.perf_counter()
        self._used = self._children()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_s = time.perf_counter() - self._started
        self.cpu_s = self._children() - self._used

    @staticmethod
    def _children() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime


def run_sweep(file: str, folder: Path, utterances: int, cores: int) -> None:
    _command(
        *("-m", "simulst", "sweep", file, "--output", str(folder), "--jobs", str(cores)),
        *("--engine", "batched", "--end-index", str(utterances)),
    )


def run_simuleval(runs: Sequence[PlannedRun], folder: Path, cores: int) -> None:
    """Every setting in a process of its own, as many at once as there are cores."""
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(lambda run: _command(*_simuleval(run, folder)), runs))


def _simuleval(run: PlannedRun, folder: Path) -> list[str]:
    options, agent = run.configuration.evaluation, run.configuration.agent_class
    output = folder / run.place.path
    output.mkdir(parents=True, exist_ok=True)
    source, target = lists_for_simuleval(options, output)
    return [
        *("-m", "simuleval.cli", "--agent-class", f"{agent.__module__}.{agent.__name__}"),
        *(f"--source={source}", f"--target={target}"),
        *(f"--{name.replace('_', '-')}={getattr(options, name)}" for name in RUN_OPTIONS),
        *("--no-scoring", "--no-progress-bar", f"--output={output}"),
        *run.configuration.agent_arguments(),
    ]


def _command(*words: str) -> None:
    finished = subprocess.run(
        [sys.executable, *words], env={**os.environ, **ONE_THREAD}, capture_output=True, text=True
    )
    if finished.returncode:
        sys.exit(f"{' '.join(words)} failed:\n{finished.stderr}")


def differing_predictions(runs: Sequence[PlannedRun], ours: SweepLayout, theirs: Path) -> int:
    """Utterances, over all runs, whose text or delays are not the same."""
    different = 0
    for run in runs:
        logs = [folder / "instances.log" for folder in (ours.run(run.place), theirs / run.place.path)]
        lines = [[json.loads(line) for line in log.read_text().splitlines()] for log in logs]
        for one, other in zip(*lines, strict=True):
            different += any(one[name] != other[name] for name in ("prediction", "delays"))
    return different


def speed_table(sweep: Clock, simuleval: Clock, runs: int, utterances: int, different: int) -> list[Row]:
    def row(name: str, clock: Clock) -> Row:
        return {
            "command": name,
            "runs": runs,
            "utterances": utterances,
            "wall_s": clock.wall_s,
            "cpu_s": clock.cpu_s,
            "speed": simuleval.wall_s / clock.wall_s,
            "cpu_speed": simuleval.cpu_s / clock.cpu_s,
            "different": different,
        }

    return [row("simuleval, one by one", simuleval), row("simulst sweep, batched", sweep)]


def profile_tables(
    runs: Sequence[PlannedRun], utterances: int, precisions: Sequence[str], folder: Path
) -> Iterator[tuple[str, list[Row]]]:
    """Where the time of the longest utterances goes, what it would be at best, and what precisions alter.

    Yields the name of each table with its rows, as soon as they are measured.
    """
    configurations = tuple(run.configuration for run in runs)
    run = BatchedRun(configurations)
    lanes, at_once = run.load(), run.first.evaluation.streams_at_once
    indices = sorted(run.indices, key=lambda index: -run.seconds[index])[:utterances]
    sources = run.sources(indices)
    some = measure(lanes[: max(1, len(lanes) // 2)], sources, at_once)
    measured = measure(lanes, sources, at_once)
    plot_stages(folder / "profile.png", measured)
    bound = [some.row("half"), measured.row("all")]
    if len(lanes) > 1:
        bound.append(further_setting(some, measured))
    yield "profile", measured.stages()
    yield "bound", bound
    if precisions:
        by_precision = {configurations[0].translator.precision: measured}
        for precision in precisions:
            by_precision[precision] = measure_precision(configurations, precision, indices)
        yield "precisions", precision_rows(by_precision, configurations, indices)


@contextmanager
def _on_cores(count: int) -> Iterator[None]:
    """Children inherit the cores, where the system can bind them (Linux)."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("configuration", metavar="SWEEP.yaml")
    parser.add_argument("--output", required=True, metavar="FOLDER")
    parser.add_argument("--utterances", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--cores", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--profiled", type=int, default=24, help="longest utterances; default: %(default)s")
    parser.add_argument("--profile-only", action="store_true", help="the sweep and SimulEval are left out")
    parser.add_argument(
        "--precisions", nargs="*", default=[], metavar="NAME", help="others, such as bfloat16, measured too"
    )
    args = parser.parse_args(arguments)
    folder = Path(args.output)
    folder.mkdir(parents=True)
    limit = {"engine": ["batched"], "end_index": [str(args.utterances)]}
    runs = load_plan(args.configuration, folder / "sweep", limit).runs
    if not args.profile_only:
        with _on_cores(args.cores):
            with Clock() as sweep:
                run_sweep(args.configuration, folder / "sweep", args.utterances, args.cores)
            with Clock() as simuleval:
                run_simuleval(runs, folder / "simuleval", args.cores)
        different = differing_predictions(runs, SweepLayout(folder / "sweep"), folder / "simuleval")
        show(folder, "speed", speed_table(sweep, simuleval, len(runs), args.utterances, different))
    torch.set_num_threads(1)
    for name, rows in profile_tables(runs, args.profiled, args.precisions, folder):
        show(folder, name, rows)


def show(folder: Path, name: str, rows: Sequence[Row]) -> None:
    write_tsv(folder / f"{name}.tsv", rows)
    print(text_table(rows) + "\n", flush=True)


if __name__ == "__main__":
    main()
