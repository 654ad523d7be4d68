"""Encoder outputs on disk, so that training with a frozen encoder hears each clip once.

    DIR/frames.f16   float16, little-endian: all memory frames of all versions of all clips, (frames, D)
    DIR/index.tsv    id, version, heard_samples, samples, offset, frames: where each version lies
    DIR/cache.json   width D, frame_ms, chunk_ms, truncations, seed, hearing and what they were made from

Version 0 is the whole clip; the others have heard a part of it (`train.data.truncation`), because a window
that hears more gives other frames: they cannot be cut out of version 0. `train.prepare encode` writes it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from foundation.errors import InputError
from foundation.files.text_lines import read_lines
from models.whisper.hearing import PLAIN, Hearing
from models.whisper.network import FRAME_MS

FRAMES, INDEX, ABOUT = "frames.f16", "index.tsv", "cache.json"
COLUMNS = ("id", "version", "heard_samples", "samples", "offset", "frames")
COUNT = re.compile(r"[0-9]{1,15}")
WIDEST = 2**20
LONGEST_FRAME_MS = 10_000
CURE = "make the cache again with `train.prepare encode`"


@dataclass(frozen=True)
class CachedVersion:
    """What the encoder says after `heard_samples` of a clip: so many frames from `offset` on."""

    heard_samples: int
    offset: int
    frames: int


@dataclass(frozen=True)
class CachedClip:
    """All versions of one clip, the whole one first."""

    cache: "EncoderCache"
    versions: tuple[CachedVersion, ...]

    def frames_of(self, version: int) -> np.ndarray:
        """The frames of one version, (T, D) float16."""
        at = self.versions[version]
        return self.cache.frames[at.offset : at.offset + at.frames]


@dataclass(frozen=True)
class FrozenEncoder:
    """What a model listens with, and what a cache's frames must come from."""

    width: int  # D
    frame_ms: float
    module: nn.Module
    hearing: Hearing = PLAIN  # what is heard behind the audio, and what is encoded again

    @cached_property
    def sha256(self) -> str:
        """The hash of its weights, computed when a cache first asks."""
        return encoder_sha256(self.module)


class EncoderCache:
    """The clips of one folder by id. The frames stay on disk."""

    def __init__(self, folder: Path, encoder: FrozenEncoder | None = None) -> None:
        """encoder: that of the model that will read the cache; None where no model reads it.

        Raises InputError, naming the file and the line, for a cache that is damaged, and for one whose frames
        come from another encoder.
        """
        absent = [name for name in (FRAMES, INDEX, ABOUT) if not (folder / name).is_file()]
        if absent:
            raise InputError(f"{folder} lacks {', '.join(absent)}: make it with `train.prepare encode`")
        about = _read_about(folder / ABOUT)
        self.width: int = about["width"]
        if encoder is not None:
            _check(folder, about, encoder)
        self._file = folder / FRAMES
        size, rest = divmod(self._file.stat().st_size, 2 * self.width)
        self._frames: np.ndarray | None = None
        self._shape = (size, self.width)
        versions = _read_index(folder / INDEX)
        end = max(one.offset + one.frames for each in versions.values() for one in each)
        if end != size or rest:
            fault = "is cut off" if end > size else "holds more than its index says"
            found = f"{size} frames of width {self.width}" + (" and a part of one" if rest else "")
            raise InputError(f"{self._file} {fault}: {found}, not {end}: {CURE}")
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


def _read_about(path: Path) -> dict[str, Any]:
    """What cache.json says. Raises InputError where it does not say what is read of it."""
    try:
        about = json.loads("\n".join(read_lines(path)))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not JSON that can be read ({type(error).__name__}): {CURE}") from None
    if not isinstance(about, dict):
        raise InputError(f"{path} must hold a JSON object, found {type(about).__name__}: {CURE}")
    width, frame_ms = about.get("width"), about.get("frame_ms", FRAME_MS)
    if type(width) is not int or not 0 < width <= WIDEST:
        fault = f"width must be a whole number from 1 to {WIDEST}, got {str(width)[:40]}"
        raise InputError(f"{path}: {fault}: {CURE}")
    if type(frame_ms) not in (int, float) or not 0 < frame_ms <= LONGEST_FRAME_MS:
        fault = f"frame_ms must be above 0 and at most {LONGEST_FRAME_MS}, got {str(frame_ms)[:40]}"
        raise InputError(f"{path}: {fault}: {CURE}")
    return about


def _read_index(path: Path) -> dict[str, list[CachedVersion]]:
    """All versions of all clips by id, those of a clip in their order.

    Raises InputError for a damaged line. Versions lie one behind the other, so a changed number is noticed.
    """
    header, *lines = read_lines(path) or [""]
    if tuple(header.split("\t")) != COLUMNS:
        raise InputError(f"{path} must have the columns {', '.join(COLUMNS)} in its first line: {CURE}")
    versions: dict[str, list[CachedVersion]] = {}
    end = 0
    for number, line in enumerate(lines, start=2):
        name, *cells = line.split("\t")
        counts = [int(cell) for cell in cells if COUNT.fullmatch(cell)]
        if not name or not len(cells) == len(counts) == len(COLUMNS) - 1:
            raise InputError(f"{path}, line {number}: it must have an id and five whole numbers: {CURE}")
        version, heard, samples, offset, frames = counts
        of_clip = versions.setdefault(name, [])
        if version != len(of_clip) or offset != end:
            fault = f"version {len(of_clip)} of {name[:80]!r} must be here, from frame {end} on"
            raise InputError(f"{path}, line {number}: {fault}, found version {version} from {offset}: {CURE}")
        if not 0 < heard <= samples or not frames:
            fault = f"{heard} of {samples} samples cannot be heard in {frames} frames"
            raise InputError(f"{path}, line {number}: {fault}: {CURE}")
        of_clip.append(CachedVersion(heard, offset, frames))
        end += frames
    if not versions:
        raise InputError(f"{path} lists no clips: {CURE}")
    return versions


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
    # Caches of earlier versions do not say: they hold clips alone, as a hearing by default hears them.
    hearing = encoder.hearing.described()
    if (found := about.get("hearing", PLAIN.described())) != hearing:
        raise InputError(
            f"{folder} holds frames heard with {_told(found)}, but the model hears {_told(hearing)}: make "
            "a cache as the model hears (`train.prepare encode --trailing-silence-ms` and the like), or let "
            "the recipe hear as the cache does"
        )
    # Caches of the first version do not say.
    if about.get("encoder_sha256", encoder.sha256) != encoder.sha256:
        raise InputError(f"{folder} holds frames of an encoder with other weights than the model's: {cure}")


def _told(hearing: object) -> str:
    if not isinstance(hearing, dict):
        return f"{hearing!r:.80}"
    return ", ".join(f"{name} {value}" for name, value in hearing.items() if value is not None)


def encoder_sha256(encoder: nn.Module) -> str:
    """The hash of the names and values of all weights, in the order of their names.

    The values are those in float16: a model that was stored in half precision has the same encoder.
    """
    digest = hashlib.sha256()
    for name, weight in sorted(encoder.state_dict().items()):
        digest.update(name.encode() + b"\0")
        digest.update(weight.detach().half().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
