"""Where the time of the batched engine goes, beside the time that its floating-point work would take at best.

One simulation in this process, on one thread: `measure` says how much processor time each stage took, how
often it ran and how many rows it had, and in a second run how much floating-point work it did. The rate of
large matrix products is measured before and after each, so that a busy machine slows both sides.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from matplotlib.figure import Figure

from benchmarks.floating_point_work import WorkCounter, matrix_rate
from evaluation.run.batched_simulator import Feed, Lane, Source, Transcript, simulate
from evaluation.table import Row

STAGES = {
    "encode_streams": "encoding audio",
    "start": "prefixes",
    "read": "prefixes and drafts",
    "step": "decoding steps",
}
REST = "search, policies, texts"
HEARING = "features, speech activity"


@dataclass
class Measured:
    """One simulation of some settings."""

    lanes: int
    sources: Sequence[Source]
    cpu_s: float = 0.0
    rate: float = 0.0  # floating-point operations a second of large matrix products at that time
    flops: float = 0.0
    rows: int = 0  # of all decoding steps
    stage_s: Counter = field(default_factory=Counter)
    stage_flops: Counter = field(default_factory=Counter)
    calls: Counter = field(default_factory=Counter)
    transcripts: list[list[Transcript]] = field(default_factory=list)

    @property
    def bound_s(self) -> float:
        return self.flops / self.rate

    def stages(self) -> list[Row]:
        seconds = {**self.stage_s, REST: self.cpu_s - sum(self.stage_s.values())}
        return [
            {
                "stage": stage,
                "calls": self.calls[stage],
                "cpu_s": value,
                "percent": 100 * value / self.cpu_s,
                "work_gflop": self.stage_flops[stage] / 1e9,
                "gflop_per_s": self.stage_flops[stage] / 1e9 / value,
            }
            for stage, value in seconds.items()
        ]

    def row(self, settings: str) -> Row:
        return cost_row(settings, self, self.lanes, self.cpu_s, self.flops)


def cost_row(settings: str, run: Measured, lanes: int, cpu_s: float, flops: float) -> Row:
    """Processor time beside its bound, of so many lanes over the utterances of a run."""
    utterances = len(run.sources)
    return {
        "settings": settings,
        "lanes": lanes,
        "utterances": utterances,
        "audio_s": sum(source.duration_ms for source in run.sources) / 1000,
        "rows_a_step": run.rows / max(run.calls[STAGES["step"]], 1),
        "cpu_s": cpu_s,
        "cpu_s_a_caption_and_setting": cpu_s / lanes / utterances,
        "work_gflop": flops / 1e9,
        "core_gflop_per_s": run.rate / 1e9,
        "bound_s": flops / run.rate,
        "times_bound": cpu_s * run.rate / flops,
    }


def further_setting(some: Measured, all_lanes: Measured) -> Row:
    """What the settings cost that only the second of two runs has: encoding is paid already."""
    lanes = all_lanes.lanes - some.lanes
    # In the second run's time: this machine may have been slower during the first.
    cpu_s = all_lanes.cpu_s - some.cpu_s * some.rate / all_lanes.rate
    return cost_row("further", all_lanes, lanes, cpu_s, all_lanes.flops - some.flops)


def measure(
    lanes: Sequence[Lane], sources: Sequence[Source], streams_at_once: int, counted: bool = True
) -> Measured:
    """Simulates for the time, and where it is `counted` again for the work."""
    run = Measured(len(lanes), sources)
    simulate(lanes[:1], sources[-1:])  # warm up
    rate_before = matrix_rate()
    with _watched(run, run.stage_s, time.process_time, lanes):
        started = time.process_time()
        run.transcripts = simulate(lanes, sources, streams_at_once)
        run.cpu_s = time.process_time() - started
    run.rate = (rate_before + matrix_rate()) / 2
    if not counted:
        return run
    again = Measured(len(lanes), sources)
    with WorkCounter() as counter, _watched(again, run.stage_flops, lambda: counter.flops, lanes):
        simulate(lanes, sources, streams_at_once)
    run.flops = counter.flops
    run.stage_flops[REST] = run.flops - sum(run.stage_flops.values())
    return run


@contextmanager
def _watched(
    run: Measured, grown: Counter, figure: Callable[[], float], lanes: Sequence[Lane]
) -> Iterator[None]:
    """Adds to `grown` by how much a figure grows in each stage, those inside another one left out."""
    inside = False

    def watched(method: Callable, stage: str) -> Callable:
        def measured(*args, **keywords):
            nonlocal inside
            if inside:
                return method(*args, **keywords)
            inside, before = True, figure()
            try:
                return method(*args, **keywords)
            finally:
                inside = False
                grown[stage] += figure() - before
                run.calls[stage] += 1
                if stage == STAGES["step"]:
                    run.rows += len(args[1])

        return measured

    translators = {id(lane.engine.translator): lane.engine.translator for lane in lanes}
    with ExitStack() as stack:
        for translator in translators.values():
            for name, stage in STAGES.items():
                method = watched(getattr(translator, name), stage)
                stack.enter_context(patch.object(translator, name, method))
        stack.enter_context(patch.object(Feed, "deliver", watched(Feed.deliver, HEARING)))
        yield


def plot_stages(path: Path, run: Measured) -> None:
    """A bar of each stage's processor time, and in it what its work would take at the rate of products."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    panel = figure.subplots()
    stages = run.stages()
    names = [row["stage"] for row in stages]
    panel.barh(names, [row["cpu_s"] for row in stages], color="tab:blue", alpha=0.4, label="processor time")
    bounds = [row["work_gflop"] * 1e9 / run.rate for row in stages]
    panel.barh(names, bounds, color="tab:blue", height=0.4, label="its work at the rate of large products")
    panel.set(xlabel=f"s, {run.lanes} settings of {len(run.sources)} captions")
    panel.invert_yaxis()
    panel.legend(fontsize="small")
    figure.savefig(path, dpi=130)
