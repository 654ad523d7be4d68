"""The audio of a recording on the page: how loud it is when, and where a browser finds the file.

The page never holds audio itself: an hour of it would be a hundred times as large as all words about it.
"""

import os
from pathlib import Path
from urllib.parse import quote

import numpy as np
import soundfile

# Loudness is shown as one bar for so much audio.
BAR_MS = 60
# So many bars are of a whole number of samples at any rate: a minute.
BARS_READ = 1000
# What is so far below the loudest bar is shown as silence.
SILENCE_DB = 40


def audio_link(source: str, folder: Path) -> str | None:
    """The address of a source's file, relative to a page in `folder`; None where there is no such file."""
    if not source or not Path(source).is_file():
        return None
    return quote(Path(os.path.relpath(source, folder)).as_posix())


def loudness(source: str) -> str:
    """A digit from 0 (silent) to 9 for every BAR_MS; empty where the audio is not there (any more)."""
    try:
        with soundfile.SoundFile(source) as file:
            minute = file.samplerate * BAR_MS * BARS_READ // 1000
            parts = [_powers(block, file.samplerate) for block in file.blocks(minute, dtype="float32")]
    except (OSError, soundfile.SoundFileError, ValueError):
        return ""
    powers = np.concatenate([*parts, np.zeros(0)])
    loudest = powers.max(initial=0.0)
    if not loudest > 0:
        return "0" * len(powers)
    silent = 10 ** (-SILENCE_DB / 10)
    below_db = -10 * np.log10(np.maximum(powers / loudest, silent))
    return "".join(map(str, np.round(9 * (1 - below_db / SILENCE_DB)).astype(int).tolist()))


def _powers(block: np.ndarray, sample_rate: int) -> np.ndarray:
    """The mean power of each bar in (N,) or (N, channels) samples."""
    squares = np.square(block.reshape(len(block), -1), dtype=np.float64).mean(1)
    bars = -(-len(block) * 1000 // (sample_rate * BAR_MS))
    starts = np.round(np.arange(bars) * sample_rate * BAR_MS / 1000).astype(int)
    starts = starts[starts < len(block)]
    return np.add.reduceat(squares, starts) / np.diff([*starts, len(block)])
