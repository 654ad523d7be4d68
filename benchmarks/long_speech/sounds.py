"""What is heard where nobody speaks: babble, chords, noise and silence, each the same again from its seed.

Sounds are (S,) float32 at 16 kHz. Levels are root mean squares in dB below full scale.
"""

from collections.abc import Sequence

import numpy as np

from models.sound.audio import SAMPLE_RATE, read_audio
from train.prepare.line_table import Line

VOICES = 12  # of babble: no word of so many can be followed
# Below the level of the speech.
BABBLE_DB, CHORDS_DB, NOISE_DB = 12.0, 12.0, 20.0
FAINT_DB = -66.0  # of a quiet room, full scale being 0
# Between beats of chords, and how long a chord takes to fall to a third.
BEAT_S = (0.4, 1.6)
DECAY_S = 0.7
PARTIALS = 6
MINOR_AND_MAJOR = ((0, 3, 7, 10), (0, 4, 7, 12), (0, 5, 7, 12), (0, 4, 7, 11))  # semitones above the root
NAMED = ("babble", "chords", "noise", "silence", "faint")


def render(kind: str, samples: int, seed: int, voices: Sequence[Line], speech_db: float) -> np.ndarray:
    """A sound of one of the kinds NAMED. voices: the lines that babble is mixed from."""
    draw = np.random.default_rng(seed)
    if kind == "babble":
        return at_level(_babble(samples, draw, voices), speech_db - BABBLE_DB)
    if kind == "chords":
        return at_level(_chords(samples, draw), speech_db - CHORDS_DB)
    if kind == "noise":
        return at_level(_coloured_noise(samples, draw), speech_db - NOISE_DB)
    if kind == "faint":
        return at_level(draw.standard_normal(samples), FAINT_DB)
    return np.zeros(samples, np.float32)


def level_db(samples: np.ndarray) -> float:
    """Root mean square in dB below full scale; digital silence is at -120."""
    return 10 * float(np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12))


def at_level(samples: np.ndarray, db: float) -> np.ndarray:
    return (samples * 10 ** ((db - level_db(samples)) / 20)).astype(np.float32)


def _babble(samples: int, draw: np.random.Generator, lines: Sequence[Line]) -> np.ndarray:
    mixed = np.zeros(samples)
    for _ in range(VOICES):
        at = -int(draw.integers(SAMPLE_RATE))  # voices begin within words, too
        while at < samples:
            said = read_audio(lines[int(draw.integers(len(lines)))].audio)
            first, last = max(at, 0), min(at + len(said), samples)
            if last > first:
                mixed[first:last] += at_level(said, -25.0)[first - at : last - at]
            at += len(said)
    return mixed


def _chords(samples: int, draw: np.random.Generator) -> np.ndarray:
    music = np.zeros(samples)
    at = 0
    while at < samples:
        beat = round(SAMPLE_RATE * draw.uniform(*BEAT_S))
        root_hz = 110 * 2 ** (int(draw.integers(24)) / 12)
        seconds = np.arange(min(4 * beat, samples - at)) / SAMPLE_RATE
        envelope = np.minimum(seconds / 0.01, 1) * np.exp(-seconds / DECAY_S)
        for semitones in MINOR_AND_MAJOR[int(draw.integers(len(MINOR_AND_MAJOR)))]:
            for partial in range(1, PARTIALS + 1):
                hertz = partial * root_hz * 2 ** (semitones / 12)
                phase = draw.uniform(0, 2 * np.pi)
                music[at : at + len(seconds)] += (
                    envelope / partial * np.sin(2 * np.pi * hertz * seconds + phase)
                )
        at += beat
    return music


def _coloured_noise(samples: int, draw: np.random.Generator) -> np.ndarray:
    """White to brown, with the hum of the mains under it."""
    spectrum = np.fft.rfft(draw.standard_normal(samples))
    hertz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    coloured = np.fft.irfft(spectrum / np.maximum(hertz, 20.0) ** draw.uniform(0, 1), samples)
    hum = np.sin(2 * np.pi * 50 * np.arange(samples) / SAMPLE_RATE)
    return coloured / coloured.std() + 0.5 * hum
