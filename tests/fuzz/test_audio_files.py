"""Audio files, damaged at random: they are read, or refused in one line that names the file."""

import random
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.sound.audio import check_audio_file, read_audio
from tests.fuzz.mutations import check_reader, mutate

SAMPLES = 800
# Ending, libsndfile's format and subtype, channels, sample rate.
FILES = {
    "wav": ("WAV", "PCM_16", 1, 16_000),
    "stereo.wav": ("WAV", "PCM_24", 2, 22_050),
    "six.wav": ("WAVEX", "PCM_16", 6, 8_000),
    "float.wav": ("WAV", "FLOAT", 1, 16_000),
    "double.wav": ("WAV", "DOUBLE", 1, 44_100),
    "adpcm.wav": ("WAV", "IMA_ADPCM", 1, 16_000),
    "fast.wav": ("WAV", "PCM_16", 1, 384_000),
    "rf64": ("RF64", "PCM_16", 1, 16_000),
    "w64": ("W64", "PCM_16", 1, 16_000),
    "flac": ("FLAC", "PCM_16", 2, 16_000),
    "ogg": ("OGG", "VORBIS", 1, 16_000),
    "opus.ogg": ("OGG", "OPUS", 1, 16_000),
    "mp3": ("MP3", "MPEG_LAYER_III", 1, 16_000),
    "aiff": ("AIFF", "PCM_16", 1, 16_000),
    "au": ("AU", "PCM_16", 1, 16_000),
    "caf": ("CAF", "PCM_16", 1, 16_000),
}
# Of sizes, counts and rates in headers.
EDGES = tuple(
    number.to_bytes(4, order) for number in (0, 1, 3, 2**31 - 1, 2**32 - 1) for order in ("little", "big")
)


def damage(valid: bytes, seed: int) -> bytes:
    """Half of the faults stand in the header, where they mean more."""
    chance = random.Random(seed)
    if chance.random() < 0.5:
        return mutate(valid, seed)
    data = bytearray(valid)
    for _ in range(chance.choice((1, 1, 2))):
        place = chance.randrange(min(len(data), 100))
        fault = chance.choice((chance.randbytes(1), chance.randbytes(2), chance.choice(EDGES)))
        data[place : place + len(fault)] = fault
    return bytes(data)


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_audio_file_is_read_or_refused(tmp_path, name):
    audio_format, subtype, channels, sample_rate = FILES[name]
    path = tmp_path / f"speech.{name}"
    noise = np.random.default_rng(0).normal(0, 0.1, (SAMPLES, channels)).clip(-0.9, 0.9)
    soundfile.write(path, noise, sample_rate, subtype, format=audio_format)

    def read(file: Path) -> None:
        samples = read_audio(file)
        assert samples.dtype == np.float32 and np.isfinite(samples).all()
        assert len(samples)
        # No sentence is longer than was checked; what an MP3 holds only reading it tells.
        seconds = check_audio_file(file, maximum_s=None)
        assert len(samples) < 16_000 * (seconds + 0.1)

    check_reader(read, path, path.read_bytes(), mutate=damage)
