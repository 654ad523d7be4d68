"""A folder like that of BASS, small and of synthetic lines, or of pieces of human speech."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

RATE = 11_025


def write_bass_like(folder: Path, lines: Sequence[np.ndarray], rate: int = RATE) -> Path:
    """bass.tsv and flac/ of lines (S,); each twentieth begins another section, 5, 6, 7, ..."""
    (folder / "flac").mkdir(parents=True)
    rows = ["id\tsec\ten\tde"]
    for number, samples in enumerate(lines):
        name = f"bass_{5 + number // 20}_{number:04d}"
        soundfile.write(folder / "flac" / f"{name}.flac", samples, rate)
        rows.append(f"{name}\t{len(samples) / rate:.2f}\tLine {number}, it is.\tZeile {number}, so ist es.")
    (folder / "bass.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def bursts(count: int, seed: int = 0) -> list[np.ndarray]:
    """Noise of 0.5 to 1.5 s between 0.1 s of silence."""
    draw = np.random.default_rng(seed)
    quiet = np.zeros(RATE // 10)
    return [
        np.concatenate([quiet, draw.normal(0, 0.1, int(RATE * draw.uniform(0.5, 1.5))).clip(-1, 1), quiet])
        for _ in range(count)
    ]
