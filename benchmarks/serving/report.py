"""Tables and plot of what was measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

HELD_S = 0.5  # 95% of the delays of a number of clients that is held are shorter


def row(
    agent: str,
    kind: str,
    clients: int,
    delays_s: Sequence[float],
    processor_s: float,
    audio_s: float,
    memory_mib: float,
) -> dict[str, str | int | float]:
    """One line of the table. processor_s: of the servers, while so much audio of all clients was answered."""
    p50, p95, p99 = np.percentile(delays_s, [50, 95, 99])
    return {
        "agent": agent,
        "server": kind,
        "clients": clients,
        "p50_s": round(float(p50), 3),
        "p95_s": round(float(p95), 3),
        "p99_s": round(float(p99), 3),
        "processor_s_per_audio_s": round(processor_s / audio_s, 4),
        "memory_mib": round(memory_mib),
    }


def is_held(one: Mapping) -> bool:
    """Whether the clients of a line were held in real time."""
    return one["p95_s"] < HELD_S


def held(rows: Sequence[Mapping]) -> dict[str, int]:
    """For each kind, of one agent, the most clients that were held, with all smaller numbers; 0: none was."""
    most = dict.fromkeys((one["server"] for one in rows), 0)
    for kind in most:
        for one in sorted((one for one in rows if one["server"] == kind), key=lambda one: one["clients"]):
            if not is_held(one):
                break
            most[kind] = one["clients"]
    return most


def held_rows(rows: Sequence[Mapping], of_all: Sequence[str]) -> list[dict[str, str | int | float]]:
    """A line for each agent: clients held by each kind of `of_all`, 0 also where it was not measured."""
    table = []
    for agent in dict.fromkeys(one["agent"] for one in rows):
        most = held([one for one in rows if one["agent"] == agent])
        table.append({"agent": agent, **{kind: most.get(kind, 0) for kind in of_all}})
    return table


def plot(path: Path, rows: Sequence[Mapping]) -> None:
    """For each agent p50 and p95 against the number of clients, and memory below."""
    agents = list(dict.fromkeys(one["agent"] for one in rows))
    figure = Figure(figsize=(4.2 * len(agents) + 0.6, 6.5), layout="constrained")
    panels = figure.subplots(2, len(agents), squeeze=False, sharex="col", sharey="row")
    for (delays, memory), agent in zip(panels.T, agents, strict=True):
        for kind in dict.fromkeys(one["server"] for one in rows):
            own = [one for one in rows if (one["agent"], one["server"]) == (agent, kind)]
            own.sort(key=lambda one: one["clients"])
            clients = [one["clients"] for one in own]
            [line] = delays.plot(clients, [one["p95_s"] for one in own], "o-", label=f"{kind}, p95")
            color = line.get_color()
            delays.plot(clients, [one["p50_s"] for one in own], "o:", color=color, label=f"{kind}, p50")
            memory.plot(clients, [one["memory_mib"] for one in own], "o-", color=color)
        delays.axhline(HELD_S, color="grey", linewidth=1)
        delays.set(title=agent, yscale="log")
        memory.set(xlabel="clients")
        memory.set_xscale("log", base=2)
        memory.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    panels[1, 0].set_ylim(0, 1.05 * max(one["memory_mib"] for one in rows))
    panels[0, 0].set_ylabel("delay beyond the policy's own (s)")
    panels[1, 0].set_ylabel("resident memory (MiB)")
    panels[0, 0].legend(fontsize="x-small")
    for panel in panels.flat:
        panel.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
