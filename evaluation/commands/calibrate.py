"""simulst calibrate CONFIG.yaml (--target S ... | --spread N) [--latency LAAL] [--at-most] [--KEY VALUE ...]

Finds the setting of a policy's knob that gives a latency of S seconds on the test set of an evaluation file
(take a development set), one for each S, or N settings that cover all latencies evenly, for a curve. It
simulates with the batched engine, several settings side by side.

Another test set of as many utterances has another mean: the interval says where it lies in 95 of 100
cases, by a bootstrap over utterances, or segments of long recordings (the sampling of both sets counts, hence
the root of 2). With --at-most the setting is the slowest whose latency on such a set stays below the target
with 95% confidence.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from evaluation.commands.calibrate_arguments import CalibrateArguments
from evaluation.configuration.evaluation_file import Configuration, configure, load_configuration
from evaluation.configuration.evaluation_options import EvaluationOptions
from evaluation.configuration.recordings import read_recordings
from evaluation.configuration.test_set_files import audio_files, check_files_exist
from evaluation.logs.run_log import read_run_log
from evaluation.metrics.latency import LONG_FORM_METRICS
from evaluation.metrics.significance import Resampling, mean, mean_of
from evaluation.run.resegment import resegment
from evaluation.sweeps.calibration import ROUNDS, Calibration, Knob, MeasuredSetting
from evaluation.table import Row, text_table
from foundation.errors import InputError
from foundation.options import options_of
from foundation.workers import Workers

# Of the target.
TOLERANCE = 0.02


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


def run(args: CalibrateArguments, keys: Mapping[str, Sequence[str]]) -> None:
    """`simulst calibrate`. keys: the words behind each flag that replaces a key of the file."""
    # The file may be that of a finished run, which says both.
    simulated_keys = {"engine": ["batched"], "computation_aware": ["false"]}
    configuration = load_configuration(args.configuration, {**keys, **simulated_keys})
    knob = _knob(configuration, args.knob, args.range)
    check_files_exist([configuration.evaluation])
    options = configuration.evaluation
    if options.no_use_ref_len:
        raise InputError(
            "calibrate measures latency by the length of the reference: leave no_use_ref_len out"
        )
    metric = args.latency or ("LongYAAL" if options.segments else "LAAL")
    if options.segments and metric not in LONG_FORM_METRICS:
        known = " or ".join(LONG_FORM_METRICS)
        raise InputError(f"{metric} is of single utterances, and there are segments: give --latency {known}")
    if metric in LONG_FORM_METRICS and not options.segments:
        raise InputError(f"{metric} is of long recordings: name their segments, or give another --latency")
    units = _units(options)
    with tempfile.TemporaryDirectory() as folder:
        most_rounds = 1 + ROUNDS * (len(args.target) if args.at_most else 1)
        measure = simulated(configuration, knob, metric, Path(folder), Workers(args.jobs), most_rounds)
        unseen = UnseenLatency(Resampling(units))
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
    print(text_table([_row(run, knob, metric, unseen, run.setting in chosen) for run in search.runs]))
    what = "segments" if options.segments else "utterances"
    print(f"\n{units} {what}, {len(search.runs)} settings simulated")
    settings = ", ".join(f"{setting:g}" for setting in sorted(chosen))
    print(f"{knob.name}: [{settings}]" if len(found) > 1 else f"{knob.name}: {settings}")


def simulated(
    configuration: Configuration, knob: Knob, metric: str, folder: Path, workers: Workers, most_rounds: int
) -> Callable[[Sequence[float]], list[np.ndarray]]:
    """Measures settings side by side: latencies of utterances in s. `folder` is for files on the way.

    most_rounds: how often that may be asked, for the progress.
    """
    # They bring torch, which nobody waits for whose keys or files are refused.
    from evaluation.run.batched_run import BatchedRun
    from evaluation.run.simulate_all import simulate_all

    rounds: list[Path] = []

    def measure(settings: Sequence[float]) -> list[np.ndarray]:
        values = [{**configuration.values(), knob.name: setting} for setting in settings]
        run = BatchedRun(tuple(configure(one, "calibrate") for one in values))
        parts, log = folder / f"{len(rounds)}", folder / "log"
        for made in (parts, log):
            made.mkdir(exist_ok=True)
        place = f"round {len(rounds) + 1} of at most {most_rounds}"
        title = f"{place}, {knob.name} {', '.join(f'{setting:g}' for setting in settings)}"
        transcripts = simulate_all(run, parts, workers, checked=bool(rounds), title=title)
        rounds.append(parts)
        latencies = []
        for lane in range(len(settings)):
            run.write_logs(lane, transcripts, log)
            scored = read_run_log(log)
            if configuration.evaluation.segments:
                scored = resegment(run.configurations[lane], scored)
            latencies.append(scored.latency(metric) / 1000)
        return latencies

    return measure


def _units(options: EvaluationOptions) -> int:
    """The number of utterances, or of segments, of the test set."""
    chosen = options.indices(len(audio_files(options)))
    if not options.segments:
        return len(chosen)
    recordings = read_recordings(options)
    return sum(len(recordings[index].segments) for index in chosen)


def _knob(configuration: Configuration, name: str | None, limits: tuple[float, float] | None) -> Knob:
    """Raises InputError when the file's agent has no such knob, or its range is not known."""
    agent, policy = configuration.agent, configuration.policy
    own = options_of(type(policy))
    if name is None:
        if policy.knob is None:
            names = ", ".join(own) or "none"
            raise InputError(f"agent {agent} has no knob that is known here: give --knob (it has {names})")
        name = policy.knob.option
    every = {key: one for part in configuration.parts for key, one in options_of(type(part)).items()}
    if name not in every or every[name].type.value not in (int, float):
        numbers = [key for key, one in own.items() if one.type.value in (int, float)]
        raise InputError(f"{name!r} is no option of {agent} that takes a number: give one of {numbers}")
    if limits is None:
        if policy.knob is None or policy.knob.option != name:
            raise InputError(f"where shall {name} be searched? Give --range LOW HIGH")
        limits = (policy.knob.low, policy.knob.high)
    return Knob(name, *limits, whole=every[name].type.value is int)


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
