"""simulst calibrate CONFIG.yaml (--target S ... | --spread N) [--latency LAAL] [--at-most] [--KEY VALUE ...]

Finds the setting of a policy's knob that gives a latency of S seconds on the test set of an evaluation file
(take a development set), one for each S, or N settings that cover all latencies evenly, for a curve. It
simulates with the batched engine, several settings side by side.

Another test set of as many utterances has another mean: the interval says where it lies in 95 of 100
cases, by a bootstrap over utterances (the sampling of both sets counts, hence the root of 2). With
--at-most the setting is the slowest whose latency on such a set stays below the target with 95% confidence.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.batched_run import BatchedRun, simulate_all
from evaluation.calibrate import Calibration, Knob, MeasuredSetting
from evaluation.configuration import Configuration, configure, load_configuration
from evaluation.evaluate import read_flags
from evaluation.latency import LATENCY_METRICS
from evaluation.run_log import read_run_log
from evaluation.significance import Resampling, mean, mean_of
from evaluation.table import Row, text_table
from foundation.workers import Workers
from models.errors import InputError

# Where the knobs of our agents are searched: from hardly waiting to waiting for nearly everything.
RANGES: dict[str, tuple[float, float]] = {
    "waitk.k": (1, 24),
    "holdn.held_tokens": (0, 32),
    "simulsa.rollback": (0, 32),
    "local_agreement.agreeing_chunks": (1, 8),
    "edatt.alpha": (0.01, 1.0),
    "alignatt.recent_frames": (1, 150),
    "reina.threshold": (-8.0, 8.0),
    "digsst.threshold": (0.002, 0.69),
}
# Metrics that are a time.
METRICS = [name for name in LATENCY_METRICS if name != "AP"]
# Of the target.
TOLERANCE = 0.02
# Flags of this command; all others replace keys of the file.
OWN_FLAGS = ("latency", "target", "spread", "at_most", "knob", "range", "jobs")


@dataclass(frozen=True)
class UnseenLatency:
    """Mean latency in s, and that of another test set of as many utterances."""

    resampling: Resampling

    def interval(self, latencies: np.ndarray) -> tuple[float, float]:
        """Its 95% interval."""
        low, high = np.percentile(self._means(latencies), [2.5, 97.5])
        return float(low), float(high)

    def at_most(self, latencies: np.ndarray) -> float:
        """What it stays below with 95% confidence."""
        return float(np.percentile(self._means(latencies), 95))

    def _means(self, latencies: np.ndarray) -> np.ndarray:
        whole, resampled = self.resampling.scores(partial(mean_of, latencies))
        return whole[0] + np.sqrt(2) * (resampled[:, 0] - whole[0])


def main(arguments: Sequence[str]) -> None:
    args, flags = _parse(arguments)
    configuration = load_configuration(args.configuration, {**flags, "engine": ["batched"]})
    knob = _knob(configuration, args.knob, args.range)
    sentences = len(BatchedRun((configuration,)).indices)
    with tempfile.TemporaryDirectory() as folder:
        measure = simulated(configuration, knob, args.latency, Path(folder), Workers(args.jobs))
        unseen = UnseenLatency(Resampling(sentences))
        search = Calibration(knob, measure, unseen.at_most if args.at_most else mean)
        if args.spread:
            low, high = search.explore()
            targets = np.linspace(low, high, args.spread).tolist()
            found = search.search(targets, [(high - low) / (4 * args.spread)] * args.spread)
        elif args.at_most:
            found = [search.at_most(target, TOLERANCE * target) for target in args.target]
        else:
            found = search.search(args.target, [TOLERANCE * target for target in args.target])
    chosen = list(dict.fromkeys(run.setting for run in found))
    print(text_table([_row(run, knob, args.latency, unseen, run.setting in chosen) for run in search.runs]))
    print(f"\n{sentences} utterances, {len(search.runs)} settings simulated")
    settings = ", ".join(f"{setting:g}" for setting in sorted(chosen))
    print(f"{knob.name}: [{settings}]" if len(found) > 1 else f"{knob.name}: {settings}")


def simulated(
    configuration: Configuration, knob: Knob, metric: str, folder: Path, workers: Workers
) -> Callable[[Sequence[float]], list[np.ndarray]]:
    """Measures settings side by side: latencies of utterances in s. `folder` is for files on the way."""
    rounds: list[Path] = []

    def measure(settings: Sequence[float]) -> list[np.ndarray]:
        values = [{**configuration.values(), knob.name: setting} for setting in settings]
        run = BatchedRun(tuple(configure(one, "calibrate") for one in values))
        parts, log = folder / f"{len(rounds)}", folder / "log"
        for made in (parts, log):
            made.mkdir(exist_ok=True)
        title = f"round {len(rounds) + 1}, {knob.name} {', '.join(f'{setting:g}' for setting in settings)}"
        transcripts = simulate_all(run, parts, workers, checked=bool(rounds), title=title)
        rounds.append(parts)
        latencies = []
        for lane in range(len(settings)):
            run.write_logs(lane, transcripts, log)
            latencies.append(read_run_log(log).latency(metric) / 1000)
        return latencies

    return measure


def _knob(configuration: Configuration, name: str | None, limits: Sequence[float] | None) -> Knob:
    """Raises InputError when the file's agent has no such knob, or its range is not known."""
    agent, policy = configuration.agent, configuration.agent_options[-1]
    types = {field.name: field.type for field in fields(policy)}
    if name is None:
        known = [key.partition(".")[2] for key in RANGES if key.startswith(f"{agent}.")]
        if not known:
            own = ", ".join(types) or "none"
            raise InputError(f"agent {agent} has no knob that is known here: give --knob (it has {own})")
        name = known[0]
    every = {field.name: field.type for options in configuration.agent_options for field in fields(options)}
    if name not in every or not any(kind in str(every[name]) for kind in ("int", "float")):
        numbers = [key for key, kind in types.items() if "int" in str(kind) or "float" in str(kind)]
        raise InputError(f"{name!r} is no option of {agent} that takes a number: give one of {numbers}")
    limits = limits or RANGES.get(f"{agent}.{name}")
    if limits is None:
        raise InputError(f"where shall {name} be searched? Give --range LOW HIGH")
    return Knob(name, *limits, whole="int" in str(every[name]))


def _row(run: MeasuredSetting, knob: Knob, metric: str, unseen: UnseenLatency, is_chosen: bool) -> Row:
    low, high = unseen.interval(run.latencies)
    return {
        knob.name: f"{run.setting:g}",
        f"{metric}_s": mean(run.latencies),
        "unseen_low": low,
        "unseen_high": high,
        "unseen_at_most": unseen.at_most(run.latencies),
        "chosen": "*" if is_chosen else "",
    }


def _parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, Mapping[str, Any]]:
    parser = argparse.ArgumentParser(
        prog="simulst calibrate",
        description="Find the setting of a policy that meets a latency on a development set.",
        epilog="--KEY VALUE replaces any key of the file; `simulst options` lists them.",
        usage="simulst calibrate CONFIG.yaml (--target S ... | --spread N) [--latency METRIC] [--at-most] "
        "[--knob NAME] [--range LOW HIGH] [--jobs N] [--KEY VALUE ...]",
    )
    parser.add_argument("configuration", metavar="CONFIG.yaml", help="an evaluation file, see eval_configs/")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument(
        "--target", type=float, nargs="+", metavar="S", help="latency to meet, in seconds; or several"
    )
    wanted.add_argument("--spread", type=int, metavar="N", help="find N settings that cover all latencies")
    parser.add_argument("--latency", default="LAAL", choices=METRICS, help="default: %(default)s")
    parser.add_argument(
        "--at-most", action="store_true", help="stay below the target on unseen data, with 95%% confidence"
    )
    parser.add_argument("--knob", metavar="NAME", help="option to turn; default: the agent's own")
    parser.add_argument("--range", nargs=2, type=float, metavar=("LOW", "HIGH"), help="where to search it")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes; default: 1")
    if {"-h", "--help"} & set(arguments):
        arguments = ["--help"]
    try:
        flags = read_flags(arguments[1:])
    except ValueError as error:
        parser.error(str(error))
    own = [
        word
        for name in OWN_FLAGS
        if name in flags
        for word in (f"--{name.replace('_', '-')}", *flags.pop(name))
    ]
    args = parser.parse_args([*arguments[:1], *own])
    if args.jobs < 1 or (args.spread is not None and args.spread < 2):
        parser.error("--jobs takes a whole number from 1, and --spread one from 2")
    if args.at_most and args.target is None:
        parser.error("--at-most goes with --target")
    return args, flags
