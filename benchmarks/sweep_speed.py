"""A sweep by the batched engine beside the same settings one by one in SimulEval.

    python -m benchmarks.sweep_speed SWEEP.yaml --output FOLDER [--utterances 200] [--cores 2]

SWEEP.yaml is a file of `simulst sweep` (evaluation/sweeps/plan.py). First `simulst sweep --engine batched`
runs it, then plain `simuleval` runs each of its settings (offline run included), both on the same cores:
as many processes at a time as cores, each with one thread. Both are whole commands, from start to finished
log; the sweep also draws and scores its curves. Differences between the logs are counted.

Prints three tables and writes them to FOLDER. speed.tsv: wall-clock and processor time, and their ratios.
profile.tsv: where the batched engine's time goes, measured in this process on one batch. bound.tsv: the
floating-point work of the networks in that simulation, the rate of large matrix products on this core,
and the share of the time that the work would take at that rate; the rest is what could still be won.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch

from benchmarks.floating_point_work import WorkCounter, matrix_rate
from evaluation.configuration.test_set_files import lists_for_simuleval
from evaluation.run.batched_run import BatchedRun
from evaluation.run.batched_simulator import Source, simulate
from evaluation.run.evaluate import RUN_OPTIONS
from evaluation.sweeps.layout import SweepLayout
from evaluation.sweeps.plan import PlannedRun, load_plan
from evaluation.table import Row, text_table, write_tsv

PROFILED_UTTERANCES = 24
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
STAGES = {
    "encode_streams": "encoding audio",
    "start": "prefix and cross-attention keys",
    "step": "decoding steps",
}


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


class Profile:
    """One simulation in this process, on one thread, with the time of each stage and its work."""

    def __init__(self, run: BatchedRun) -> None:
        self.lanes = run.load()
        self.sources = [Source(run.audio_files[index]) for index in next(run.batches())]
        self.seconds: dict[str, float] = defaultdict(float)
        translator = self.lanes[0].engine.translator
        simulate(self.lanes[:1], self.sources[:1])  # warm up
        with WorkCounter() as counter:
            simulate(self.lanes, self.sources)
        self.flops = counter.flops
        for method, stage in STAGES.items():
            setattr(translator, method, self._timed(getattr(translator, method), stage))
        started = time.process_time()
        simulate(self.lanes, self.sources)
        self.total_s = time.process_time() - started

    def _timed(self, method: Callable, stage: str) -> Callable:
        def timed(*args, **keywords):
            started = time.process_time()
            result = method(*args, **keywords)
            self.seconds[stage] += time.process_time() - started
            return result

        return timed

    def stages(self) -> list[Row]:
        rest = self.total_s - sum(self.seconds.values())
        seconds = {**self.seconds, "search, policies, texts": rest}
        return [
            {"stage": stage, "cpu_s": value, "percent": 100 * value / self.total_s}
            for stage, value in seconds.items()
        ]

    def bound(self) -> list[Row]:
        rate = matrix_rate()
        bound_s = self.flops / rate
        row: Row = {
            "lanes": len(self.lanes),
            "utterances": len(self.sources),
            "audio_s": sum(source.duration_ms for source in self.sources) / 1000,
            "work_gflop": self.flops / 1e9,
            "core_gflop_per_s": rate / 1e9,
            "bound_s": bound_s,
            "cpu_s": self.total_s,
            "percent_of_bound": 100 * bound_s / self.total_s,
        }
        return [row]


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
    args = parser.parse_args(arguments)
    folder = Path(args.output)
    folder.mkdir(parents=True)
    limit = {"engine": ["batched"], "end_index": [str(args.utterances)]}
    runs = load_plan(args.configuration, folder / "sweep", limit).runs
    with _on_cores(args.cores):
        with Clock() as sweep:
            run_sweep(args.configuration, folder / "sweep", args.utterances, args.cores)
        with Clock() as simuleval:
            run_simuleval(runs, folder / "simuleval", args.cores)
    different = differing_predictions(runs, SweepLayout(folder / "sweep"), folder / "simuleval")
    torch.set_num_threads(1)
    few = {**limit, "end_index": [str(min(args.utterances, PROFILED_UTTERANCES))]}
    few_runs = load_plan(args.configuration, folder / "sweep", few).runs
    profile = Profile(BatchedRun(tuple(run.configuration for run in few_runs)))
    tables = {
        "speed": speed_table(sweep, simuleval, len(runs), args.utterances, different),
        "profile": profile.stages(),
        "bound": profile.bound(),
    }
    for name, rows in tables.items():
        write_tsv(folder / f"{name}.tsv", rows)
        print(text_table(rows) + "\n")


if __name__ == "__main__":
    main()
