"""Streams of noise that a translator encodes: what tests of encoders share."""

import numpy as np

from models.registry import load_translator
from models.translator import TranslatorOptions

CLOSE = {"rtol": 0, "atol": 2e-5}


def load(folder, **options):
    return load_translator(str(folder), TranslatorOptions(**options))


def noise(seconds, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, round(16_000 * seconds)).astype(np.float32)


def listening(translator, pieces):
    """The memory after a stream has been encoded behind each of some pieces of audio."""
    stream = translator.open_stream()
    for piece in pieces:
        stream.append(piece)
        memory = translator.encode_streams([stream])
    return memory


def listened(translator, waveforms):
    """The memory of streams that are encoded once."""
    streams = [translator.open_stream() for _ in waveforms]
    for stream, waveform in zip(streams, waveforms, strict=True):
        stream.append(waveform)
    return translator.encode_streams(streams)
