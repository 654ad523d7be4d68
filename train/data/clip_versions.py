"""The versions of a clip in an encoder cache (`train.data.encoder_cache`): whole, and cut at random.

How much a version hears depends on the seed and the clip's id alone, not on other clips or versions. The
waveform is cut to whole chunks (`train.data.truncation`) before the features.
"""

import hashlib
from dataclasses import dataclass

import torch

from models.sound.log_mel import HOP
from models.whisper.network import memory_frames
from train.data.encoder_cache import COLUMNS
from train.data.truncation import truncated_samples

CHUNK_MS = 250


@dataclass(frozen=True)
class Version:
    """One row of index.tsv: samples at 16 kHz, offset and frames in encoder frames."""

    id: str
    version: int
    heard_samples: int
    samples: int
    offset: int
    frames: int

    def line(self) -> str:
        return "\t".join(str(getattr(self, column)) for column in COLUMNS)


def heard_samples(identifier: str, samples: int, truncations: int, seed: int) -> list[int]:
    """How much each version of a clip of `samples` hears: all of it, then the truncated ones."""
    digest = hashlib.sha256(f"{seed} {identifier}".encode()).hexdigest()
    generator = torch.Generator().manual_seed(int(digest[:8], 16))
    length = torch.tensor([samples])
    cut = [truncated_samples(length, generator, CHUNK_MS, cut_probability=1.0) for _ in range(truncations)]
    return [samples, *(int(heard) for heard in cut)]


def encoder_frames(samples: int) -> int:
    """How many frames of 20 ms the encoder gives for so many samples."""
    return memory_frames(-(-samples // HOP))
