"""Tables and plot of `benchmarks.chunk_compute`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import jiwer
import numpy as np
from matplotlib.figure import Figure

from benchmarks.plain_holdn import PLAIN
from evaluation.simuleval_plugin import normalize

# What an agent's time for a chunk is made of.
PARTS = ("features", "encoder", "prefill", "steps", "rest")
GOAL_RATIO = 5.0  # times the plain agent's speed
GOAL_MARGIN = 1.0  # points of word error rate that count as equal


def compute_table(
    chunks: Sequence[Mapping], texts: Sequence[Mapping], references: Sequence[str]
) -> list[dict]:
    """One row for each beam and agent; ratios and differences are against the plain agent."""
    rows = []
    for beam, agent in dict.fromkeys((row["beam"], row["agent"]) for row in chunks):
        ms, cpu_ms = (_column(chunks, key, beam, agent) for key in ("ms", "cpu_ms"))
        plain_ms, plain_cpu_ms = (_column(chunks, key, beam, PLAIN) for key in ("ms", "cpu_ms"))
        written, plain_text = (
            [row["text"] for row in texts if (row["beam"], row["agent"]) == (beam, name)]
            for name in (agent, PLAIN)
        )
        words, errors = _word_errors(references, written)
        more = errors - _word_errors(references, plain_text)[1]
        low, high = _interval(more, words)
        ratio = plain_ms.mean() / ms.mean()
        met = ratio >= GOAL_RATIO and high <= GOAL_MARGIN
        rows.append(
            {
                "beam": beam,
                "agent": agent,
                "mean_ms": ms.mean(),
                "median_ms": float(np.median(ms)),
                "p90_ms": float(np.percentile(ms, 90)),
                "ratio": ratio,
                "cpu_ratio": plain_cpu_ms.mean() / cpu_ms.mean(),
                "WER": 100 * errors.sum() / words.sum(),
                "WER_more": 100 * more.sum() / words.sum(),
                "from": low,
                "to": high,
                "same_text": f"{sum(map(str.__eq__, written, plain_text))}/{len(written)}",
                "goal": "" if agent == PLAIN else "yes" if met else "no",
            }
        )
    return rows


def parts_table(chunks: Sequence[Mapping]) -> list[dict]:
    """Mean milliseconds a chunk of each part."""
    pairs = dict.fromkeys((row["beam"], row["agent"]) for row in chunks)
    return [
        {"beam": beam, "agent": agent}
        | {f"{part}_ms": _column(chunks, part, beam, agent).mean() for part in PARTS}
        for beam, agent in pairs
    ]


def growth_table(growth: Sequence[Mapping]) -> list[dict]:
    """Medians of the first and the last three chunks of each utterance."""
    rows = []
    for agent, seconds in dict.fromkeys((row["agent"], row["utterance_s"]) for row in growth):
        ms = [row["ms"] for row in growth if (row["agent"], row["utterance_s"]) == (agent, seconds)]
        rows.append(
            {
                "agent": agent,
                "utterance_s": seconds,
                "first_ms": np.median(ms[:3]),
                "last_ms": np.median(ms[-3:]),
            }
        )
    return rows


def _column(rows: Sequence[Mapping], key: str, beam: int, agent: str) -> np.ndarray:
    return np.array([row[key] for row in rows if (row["beam"], row["agent"]) == (beam, agent)])


def _word_errors(references: Sequence[str], texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Words of each reference, and errors in each text, normalised."""
    words, errors = [], []
    for reference, text in zip(references, texts, strict=True):
        counts = jiwer.process_words(normalize(reference), normalize(text))
        words.append(counts.hits + counts.substitutions + counts.deletions)
        errors.append(counts.substitutions + counts.deletions + counts.insertions)
    return np.array(words), np.array(errors)


def _interval(errors: np.ndarray, words: np.ndarray) -> tuple[float, float]:
    """95% interval of 100 * errors / words, by bootstrap over utterances."""
    drawn = np.random.default_rng(0).integers(len(words), size=(10_000, len(words)))
    rates = 100 * errors[drawn].sum(1) / words[drawn].sum(1)
    return float(np.percentile(rates, 2.5)), float(np.percentile(rates, 97.5))


def plot(path: Path, chunks: Sequence[Mapping], growth: Sequence[Mapping]) -> None:
    """Milliseconds a chunk over the audio heard: one panel for each beam, one without networks."""
    beams = list(dict.fromkeys(row["beam"] for row in chunks))
    figure = Figure(figsize=(4.5 * (len(beams) + 1), 4), layout="constrained")
    panels = figure.subplots(1, len(beams) + 1)
    for panel, beam in zip(panels, beams, strict=False):
        panel.set_title(f"beam {beam}")
        for agent in dict.fromkeys(row["agent"] for row in chunks):
            at_chunk = defaultdict(list)
            for row in chunks:
                if (row["beam"], row["agent"]) == (beam, agent):
                    at_chunk[row["chunk"]].append((row["heard_s"], row["ms"]))
            panel.plot(*np.array([np.median(pairs, axis=0) for pairs in at_chunk.values()]).T, label=agent)
    panels[-1].set_title("without the networks")
    for agent, seconds in dict.fromkeys((row["agent"], row["utterance_s"]) for row in growth):
        chosen = [row for row in growth if (row["agent"], row["utterance_s"]) == (agent, seconds)]
        points = [(row["heard_s"], row["ms"]) for row in chosen]
        panels[-1].plot(*np.array(points).T, label=f"{agent}, {seconds} s")
    for panel in panels:
        panel.set(xlabel="audio heard (s)", ylabel="median compute of a chunk (ms)", ylim=(0, None))
        panel.legend(fontsize="small")
    figure.savefig(path, dpi=150)
