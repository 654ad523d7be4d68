"""Cost of a chunk and memory over the length of a stream, as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.long_speech.statistics import cost_by_time
from evaluation.metrics.curve_plot import COLOURS, GREY

EVERY_S = 120.0


def plot_costs(path: Path, chunks_by_system: Mapping[str, Sequence[Mapping]]) -> None:
    """Mean processor time of a chunk in every two minutes, the peer's in grey; memory once a minute."""
    figure = Figure(figsize=(8.0, 6.4), layout="constrained")
    cost, memory = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    for place, (name, chunks) in enumerate(chunks_by_system.items()):
        style = {"color": COLOURS[place % len(COLOURS)], "linewidth": 1.2}
        points = cost_by_time(chunks, EVERY_S, "cpu_ms")
        cost.plot([end_s / 60 for end_s, _ in points], [ms for _, ms in points], label=name, **style)
        peer = cost_by_time(chunks, EVERY_S, "peer_cpu_ms")
        if peer:
            label = f"window decoded anew, beside {name}"
            cost.plot([end_s / 60 for end_s, _ in peer], [ms for _, ms in peer], "x", color=GREY, label=label)
        known = [chunk for chunk in chunks if "resident_mib" in chunk]
        memory.plot(
            [one["heard_ms"] / 60_000 for one in known], [one["resident_mib"] for one in known], **style
        )
    cost.set(ylabel="processor time of a chunk (ms)", ylim=(0, None))
    memory.set(xlabel="audio heard (min)", ylabel="memory (MiB)", ylim=(0, None))
    for axes in (cost, memory):
        axes.grid(axis="y", color="0.9", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside upper center", ncols=2, fontsize="small")
    figure.savefig(path, dpi=150)
