"""Encoder outputs on disk, so that training with a frozen encoder hears each clip once.

    DIR/frames.f16   float16, little-endian: all memory frames of all versions of all clips, (frames, D)
    DIR/index.tsv    id, version, heard_samples, samples, offset, frames: where each version lies
    DIR/cache.json   width D, frame_ms, chunk_ms, truncations, seed and what they were made from

Version 0 is the whole clip; the others have heard a part of it (`train.truncation`), because a window
that hears more gives other frames: they cannot be cut out of version 0. `train.prepare encode` writes it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from models.errors import InputError

FRAMES, INDEX, ABOUT = "frames.f16", "index.tsv", "cache.json"
FRAME_MS = 20.0  # Whisper's
COLUMNS = ("id", "version", "heard_samples", "samples", "offset", "frames")


@dataclass(frozen=True)
class CachedVersion:
    """What the encoder says after `heard_samples` of a clip."""

    heard_samples: int
    offset: int
    frames: int


@dataclass(frozen=True)
class CachedClip:
    """All versions of one clip, the whole one first."""

    cache: "EncoderCache"
    versions: tuple[CachedVersion, ...]

    def read(self, version: int) -> np.ndarray:
        """(T, D) float16"""
        at = self.versions[version]
        return self.cache.frames[at.offset : at.offset + at.frames]


@dataclass(frozen=True)
class FrozenEncoder:
    """What a model listens with, and a cache's frames must come from."""

    width: int  # D
    frame_ms: float
    module: nn.Module

    @cached_property
    def sha256(self) -> str:
        """Of its weights. Computed when a cache first asks."""
        return encoder_sha256(self.module)


class EncoderCache:
    """The clips of one folder by id. The frames stay on disk."""

    def __init__(self, folder: Path, encoder: FrozenEncoder | None = None) -> None:
        """encoder: of the model that will read it. Raises InputError for another's, or half a cache."""
        absent = [name for name in (FRAMES, INDEX, ABOUT) if not (folder / name).is_file()]
        if absent:
            raise InputError(f"{folder} lacks {', '.join(absent)}: make it with `train.prepare encode`")
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        self.width: int = about["width"]
        if encoder is not None:
            _check(folder, about, encoder)
        self._file = folder / FRAMES
        size = self._file.stat().st_size // (2 * self.width)
        self._frames: np.ndarray | None = None
        self._shape = (size, self.width)
        header, *lines = (folder / INDEX).read_text(encoding="utf-8").split("\n")
        if tuple(header.split("\t")) != COLUMNS:
            raise InputError(f"{folder / INDEX} must have the columns {', '.join(COLUMNS)}: make it again")
        versions: dict[str, list[CachedVersion]] = {}
        for line in filter(None, lines):
            name, _, heard, _, offset, frames = line.split("\t")
            versions.setdefault(name, []).append(CachedVersion(int(heard), int(offset), int(frames)))
        end = max((one.offset + one.frames for each in versions.values() for one in each), default=0)
        if end > size:
            raise InputError(f"{self._file} is cut off: {size} frames of {end}; make the cache again")
        self._clips = {name: CachedClip(self, tuple(each)) for name, each in versions.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._clips

    def __getitem__(self, name: str) -> CachedClip:
        return self._clips[name]

    @property
    def frames(self) -> np.ndarray:
        """(frames, D) float16, mapped from the file when it is first read in each process."""
        if self._frames is None:
            self._frames = np.memmap(self._file, dtype="<f2", mode="r", shape=self._shape)
        return self._frames

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_frames": None}


def _check(folder: Path, about: Mapping[str, Any], encoder: FrozenEncoder) -> None:
    cure = "make a cache with this model (`train.prepare encode`)"
    width, frame_ms = about["width"], about.get("frame_ms", FRAME_MS)
    if width != encoder.width:
        raise InputError(
            f"{folder} holds frames of width {width}, but the model's encoder has {encoder.width}: {cure}"
        )
    if frame_ms != encoder.frame_ms:
        raise InputError(
            f"{folder} holds frames of {frame_ms:g} ms, but the model's have {encoder.frame_ms:g} ms: {cure}"
        )
    # Caches of the first version do not say.
    if about.get("encoder_sha256", encoder.sha256) != encoder.sha256:
        raise InputError(f"{folder} holds frames of an encoder with other weights than the model's: {cure}")


def encoder_sha256(encoder: nn.Module) -> str:
    """Of the names and values of all weights, in the order of their names.

    The values are those in float16: a model that was stored in half precision has the same encoder.
    """
    digest = hashlib.sha256()
    for name, weight in sorted(encoder.state_dict().items()):
        digest.update(name.encode() + b"\0")
        digest.update(weight.detach().half().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
