"""Tables and plot of what was measured, and what a GPU would hold, on paper."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

HELD_S = 0.5  # 95% of the delays of a number of clients that is held are shorter


def row(
    kind: str, clients: int, delays_s: Sequence[float], processor_s: float, audio_s: float, memory_mib: float
) -> dict[str, str | int | float]:
    """One line of the table. processor_s: of the servers, while so much audio of all clients was spoken."""
    p50, p95, p99 = np.percentile(delays_s, [50, 95, 99])
    return {
        "server": kind,
        "clients": clients,
        "p50_s": round(float(p50), 3),
        "p95_s": round(float(p95), 3),
        "p99_s": round(float(p99), 3),
        "processor_s_per_audio_s": round(processor_s / audio_s, 4),
        "memory_mib": round(memory_mib),
    }


def held(rows: Sequence[Mapping]) -> dict[str, int]:
    """For each kind the most clients that were held, with all smaller numbers; 0 where none was."""
    most = dict.fromkeys((one["server"] for one in rows), 0)
    for kind in most:
        for one in sorted((one for one in rows if one["server"] == kind), key=lambda one: one["clients"]):
            if one["p95_s"] >= HELD_S:
                break
            most[kind] = one["clients"]
    return most


def clients_of_gpu(
    gflop_per_audio_s: float, gib_per_step: float, steps_per_s: float, tflops: float, gib_per_s: float
) -> int:
    """Clients that a GPU would hold, on paper: a third of its arithmetic at most, if its memory keeps up.

    gib_per_step: weights, read once for a step of all clients; steps_per_s: of the decoder.
    """
    if gib_per_step * steps_per_s > gib_per_s:
        return 0
    return int(tflops * 1000 / 3 / gflop_per_audio_s)


def plot(path: Path, rows: Sequence[Mapping]) -> None:
    """p50 and p95 against the number of clients, and memory."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    delays, memory = figure.subplots(1, 2)
    for kind in dict.fromkeys(one["server"] for one in rows):
        own = [one for one in rows if one["server"] == kind]
        clients = [one["clients"] for one in own]
        [line] = delays.plot(clients, [one["p95_s"] for one in own], "o-", label=f"{kind}, p95")
        delays.plot(clients, [one["p50_s"] for one in own], "o:", color=line.get_color(), label="p50")
        memory.plot(clients, [one["memory_mib"] for one in own], "o-", color=line.get_color())
    delays.axhline(HELD_S, color="grey", linewidth=1)
    delays.set(xlabel="clients", ylabel="delay beyond the policy's own (s)", yscale="log")
    memory.set(xlabel="clients", ylabel="resident memory (MiB)", ylim=(0, None))
    delays.legend(fontsize="small")
    for panel in (delays, memory):
        panel.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
