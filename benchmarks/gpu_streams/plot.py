"""Plot: what a second of all streams takes, over their number."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure


def plot_streams(path: Path, title: str, rows: Sequence[Mapping]) -> None:
    """rows: those of streams.tsv. Vertical lines: the bound at the full rate."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    panel = figure.subplots()
    for color, hearing in enumerate(dict.fromkeys(row["hearing"] for row in rows)):
        own = [row for row in rows if row["hearing"] == hearing]
        for mode, style in (("plain", ":"), ("static", "--"), ("graphs", "-")):
            points = [(row["streams"], row["second_s"]) for row in own if row["steps"] == mode]
            if points:
                panel.plot(
                    *zip(*points, strict=True),
                    style,
                    marker="o",
                    color=f"C{color}",
                    label=f"{hearing}, {mode}",
                )
        bound = min(row["bound_streams"] for row in own)
        panel.axvline(bound, color=f"C{color}", alpha=0.4, label=f"{hearing}, bound: {bound:.0f}")
    panel.axhline(1.0, color="black", linewidth=0.8)
    panel.set(
        title=title, xlabel="streams", ylabel="time for a second of all (s)", xscale="log", yscale="log"
    )
    panel.grid(which="both", alpha=0.3)
    panel.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=130)
