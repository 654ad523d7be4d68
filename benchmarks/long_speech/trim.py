"""Speech without the silence around it and without pauses in it, by energy. Shapes: S samples, F frames."""

import numpy as np

from models.sound.audio import SAMPLE_RATE

FRAME = SAMPLE_RATE // 100  # 10 ms
BELOW_DB = 40.0  # what is so far below the loudest frame is silence
EDGE_FRAMES = 1  # kept behind the last loud frame: at most 30 ms of silence lie between two lines
LONGEST_FRAMES = 20  # of silence inside a line: stops of consonants are shorter


def without_silence(samples: np.ndarray) -> np.ndarray:
    """(S,) -> the samples between the first and the last loud frame, with no longer silence than 0.2 s.

    Of silence inside the line its beginning and its end stay. Nothing is left of a line that is too short.
    """
    frames = len(samples) // FRAME
    whole = samples[: frames * FRAME].reshape(frames, FRAME)  # (F, FRAME)
    if not len(whole) or not whole.any():
        return samples[:0]
    energy = np.square(whole, dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(energy > energy.max() * 10 ** (-BELOW_DB / 10))
    keep = np.zeros(frames, bool)
    keep[loud[0] : loud[-1] + 1 + EDGE_FRAMES] = True
    for before, after in zip(loud[:-1], loud[1:], strict=True):
        if after - before - 1 > LONGEST_FRAMES:
            half = LONGEST_FRAMES // 2
            keep[before + 1 + half : after - half] = False
    return whole[keep].reshape(-1)
