"""What self-labelling gave: every label as a table, statistics, and a picture of both."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import accumulate
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import numpy as np

from foundation.errors import InputError
from foundation.files.text_lines import write_lines
from train.prepare.skipped import Skipped
from train.simulsa_augment.labels import Label
from train.simulsa_augment.sampling import HeardClip

LABELS, STATISTICS, PLOT = "labels.tsv", "statistics.json", "distributions.png"
COLUMNS = ("id", "target", "heard_ms", "kept_tokens", "tokens", "doubt", "kept", "cut")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
EXAMPLES = 6  # that the picture shows
LINE = 96  # characters of an example's line in the picture; a wide one counts twice


def write_report(
    folder: Path,
    clips: Sequence[HeardClip],
    labels: Sequence[Label],
    skipped: Sequence[Skipped],
    threshold: float | None,
) -> None:
    """Writes what was heard and kept. clips: those that the manifest holds; labels: theirs, in this order.

    threshold: tokens less likely ended a label; None: likelihood was not asked.

    Raises InputError if there is no matplotlib.
    """
    heard = {clip.row.id: clip.heard_ms for clip in clips}
    write_lines(folder / LABELS, ["\t".join(COLUMNS), *(_line(label, heard[label.id]) for label in labels)])
    found = statistics(clips, labels, skipped, threshold)
    (folder / STATISTICS).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _plot(folder / PLOT, clips, labels)


def statistics(
    clips: Sequence[HeardClip], labels: Sequence[Label], skipped: Sequence[Skipped], threshold: float | None
) -> dict[str, Any]:
    reasons: dict[str, int] = {}
    for row in skipped:
        reasons[row.reason] = reasons.get(row.reason, 0) + 1
    return {
        "clips": len(clips),
        "labels": len(labels),
        "skipped": reasons,
        "threshold": threshold,
        "heard_ms": _distribution([clip.heard_ms for clip in clips]),
        "targets": {
            target: _of_target([label for label in labels if label.target == target])
            for target in dict.fromkeys(label.target for label in labels)
        },
    }


def _of_target(labels: Sequence[Label]) -> dict[str, Any]:
    kept = [label.kept_tokens for label in labels]
    return {
        "labels": len(labels),
        "empty": sum(count == 0 for count in kept),
        # Those of another labeller may end inside the last token.
        "whole": sum(label.kept_tokens == label.tokens and not label.cut for label in labels),
        "kept_tokens": _distribution(kept),
        "kept_share": _distribution([label.kept_tokens / label.tokens for label in labels]),
        # Texts end inside a word: a tokenizer may then divide the rest of the word in another way.
        "tokenized_otherwise": sum(not label.same_tokens for label in labels),
    }


def _distribution(values: Sequence[float]) -> dict[str, float]:
    quantiles = np.quantile(values, QUANTILES)
    shown = {f"{100 * at:g}%": round(float(value), 4) for at, value in zip(QUANTILES, quantiles, strict=True)}
    return {"mean": round(float(np.mean(values)), 4), **shown}


def _line(label: Label, heard_ms: int) -> str:
    values = {**asdict(label), "heard_ms": heard_ms}
    values["doubt"] = "" if label.doubt is None else f"{label.doubt:.3g}"
    return "\t".join(" ".join(str(values[column]).split()) for column in COLUMNS)


def _plot(path: Path, clips: Sequence[HeardClip], labels: Sequence[Label]) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("a plot needs matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    axes = figure.subplot_mosaic([["heard", "lengths", "shares"], ["examples"] * 3], height_ratios=[1, 1.2])
    panels = {
        "heard": ("heard (s)", [clip.heard_ms / 1000 for clip in clips]),
        "lengths": ("tokens kept", [label.kept_tokens for label in labels]),
        "shares": ("share of the text kept", [label.kept_tokens / label.tokens for label in labels]),
    }
    for name, (title, values) in panels.items():
        axes[name].hist(values, bins=30, color="#1f66b5")
        axes[name].set_xlabel(title)
        axes[name].spines[["top", "right"]].set_visible(False)
    axes["heard"].set_ylabel("clips")
    axes["lengths"].set_ylabel("labels")
    axes["examples"].axis("off")
    axes["examples"].set_title("Kept text (black) and cut text (grey)", loc="left", fontsize=10)
    _write_examples(axes["examples"], clips, labels)
    figure.savefig(path, dpi=130)


def _write_examples(axes: Any, clips: Sequence[HeardClip], labels: Sequence[Label]) -> None:
    """Some labels, spread evenly over targets and clips; each starts with the clip's length heard."""
    heard = {clip.row.id: clip.heard_ms for clip in clips}
    shown = min(EXAMPLES, len(labels))
    labels = sorted(labels, key=lambda label: label.target)
    chosen = [labels[(2 * at + 1) * len(labels) // (2 * shown)] for at in range(shown)]
    for place, label in enumerate(chosen):
        height = 1 - (place + 0.5) / EXAMPLES
        kept = _shortened(label.kept) or "(nothing)"
        rest = _shortened(label.cut) or "(nothing)"
        # matplotlib takes what stands between two dollar signs for a formula.
        font = {"fontsize": 8, "transform": axes.transAxes, "va": "center", "parse_math": False}
        axes.text(0, height, f"{heard[label.id] / 1000:.2f} s {label.target}", color="#1f66b5", **font)
        axes.text(0.09, height + 0.03, kept, color="black", **font)
        axes.text(0.09, height - 0.03, rest, color="0.5", **font)


def _shortened(text: str) -> str:
    """Cut anywhere: Chinese has no spaces to cut at."""
    text = " ".join(text.split())
    widths = accumulate(2 if east_asian_width(character) in "WF" else 1 for character in text)
    fit = sum(width <= LINE for width in widths)
    return text if fit == len(text) else f"{text[: fit - 1]}…"
