"""Collect the runs of `benchmarks.whisper_bass.run` into results.tsv, curves.png and README tables.

python -m benchmarks.whisper_bass.report --runs FOLDER --output benchmarks/whisper_bass
"""

import argparse
import csv
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from benchmarks.whisper_bass.run import result
from benchmarks.whisper_bass.settings import CURVES, Run, all_runs

COLUMNS = ("WER_NORM", "BLEU", "AL", "LAAL", "DAL", "AL_CA", "LAAL_CA", "DAL_CA", "EMPTY")
STYLE = {
    "waitk": ("wait-k", "tab:gray", "o"),
    "holdn": ("hold-n", "tab:blue", "s"),
    "local_agreement": ("local agreement", "tab:green", "^"),
    "edatt": ("EDAtt", "tab:orange", "D"),
    "alignatt": ("AlignAtt", "tab:red", "v"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, required=True, help="what benchmarks.whisper_bass.run wrote")
    parser.add_argument("--output", type=Path, required=True, help="folder for results.tsv and curves.png")
    args = parser.parse_args()

    runs = all_runs()
    rows = {run: read_scores(result(args.runs, run)) for run in runs if result(args.runs, run).exists()}
    missing = [run.name for run in runs if run not in rows]
    if missing:
        print(f"{len(missing)} of {len(runs)} runs are not there: {', '.join(missing)}")
    args.output.mkdir(parents=True, exist_ok=True)
    write_results(args.output / "results.tsv", rows)
    draw_curves(args.output / "curves.png", rows)


def read_scores(folder: Path) -> dict[str, float]:
    with open(folder / "scores.tsv", encoding="utf-8", newline="") as file:
        [scores] = csv.DictReader(file, delimiter="\t")
    return {name: float(scores[name]) for name in COLUMNS}


def write_results(path: Path, rows: dict[Run, dict[str, float]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(("model", "silence", "policy", "knob", *COLUMNS))
        for run, scores in rows.items():
            values = (
                f"{scores[name]:.0f}" if name[-2:] in ("AL", "CA") else f"{scores[name]:g}"
                for name in COLUMNS
            )
            writer.writerow((run.model, run.encoding, run.policy, run.knob, *values))


def draw_curves(path: Path, rows: dict[Run, dict[str, float]]) -> None:
    """Word error rate against LAAL, a panel for each curve's model and encoding; offline is a line."""
    figure, panels = plt.subplots(1, len(CURVES), figsize=(5.2 * len(CURVES), 4), sharex=True, sharey=True)
    for panel, (model, encoding) in zip(panels, CURVES, strict=True):
        runs = [run for run in rows if (run.model, run.encoding) == (model, encoding)]
        for policy, (label, color, marker) in STYLE.items():
            points = [
                (rows[run]["LAAL"] / 1000, rows[run]["WER_NORM"]) for run in runs if run.policy == policy
            ]
            panel.plot(*zip(*sorted(points), strict=True), label=label, color=color, marker=marker)
        [offline] = [rows[run]["WER_NORM"] for run in runs if run.policy == "offline"]
        panel.axhline(offline, color="black", linestyle=":", label="offline")
        panel.set_title(f"{model}, {encoding} of silence")
        panel.set_xlabel("LAAL (s)")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("WER (%), lower is better")
    panels[-1].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    main()
