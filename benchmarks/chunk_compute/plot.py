"""Plots: processor time of a chunk over the audio heard."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure


def plot_turns(path: Path, title: str, chunks: Sequence[Mapping]) -> None:
    """The median over clips, of every agent."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    panel = figure.subplots()
    for agent in dict.fromkeys(row["agent"] for row in chunks):
        at_chunk = defaultdict(list)
        for row in chunks:
            if row["agent"] == agent:
                at_chunk[row["chunk"]].append((row["heard_s"], row["cpu_ms"]))
        points = np.array([np.median(pairs, axis=0) for pairs in at_chunk.values()])
        panel.plot(*points.T, label=agent, linestyle="-" if agent.startswith("ours") else "--")
    panel.set(title=title, xlabel="audio heard (s)", ylabel="processor time of a chunk (ms)", yscale="log")
    panel.grid(which="both", alpha=0.3)
    panel.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=130)
