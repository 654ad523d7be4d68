"""The header of a WAV on a pipe, by which its samples are read as they come.

FFmpeg looks for other formats inside a WAV's samples, and waits for seconds of them; told what they are, it
does not.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from foundation.errors import InputError

RIFF, WAVE = b"RIFF", b"WAVE"
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
# FFmpeg's names of samples, by kind and bits.
SAMPLES = {
    (PCM, 8): "u8",
    (PCM, 16): "s16le",
    (PCM, 24): "s24le",
    (PCM, 32): "s32le",
    (FLOAT, 32): "f32le",
    (FLOAT, 64): "f64le",
}


@dataclass(frozen=True)
class RawSamples:
    """What follows the header."""

    samples: str  # FFmpeg's name of their format
    rate: int  # in Hz
    channels: int


def read_wav_header(read: Callable[[int], bytes]) -> RawSamples:
    """Read the chunks before the samples, from behind `RIFF....WAVE`.

    read: gives so many bytes, fewer at the end. Raises InputError for what is no WAV of plain samples.
    """
    found = None
    while len(head := read(8)) == 8:
        name, size = head[:4], struct.unpack("<I", head[4:])[0]
        if name == b"data":
            if found is None:
                break
            return found
        content = read(size + size % 2)
        if name == b"fmt " and len(content) >= 16:
            found = _samples(content)
    raise InputError("it ends before its samples")


def _samples(content: bytes) -> RawSamples:
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", content[:16])
    if kind == EXTENSIBLE and len(content) >= 26:
        [kind] = struct.unpack("<H", content[24:26])
    if (kind, bits) not in SAMPLES or not channels:
        raise InputError(f"its samples are of kind {kind} with {bits} bits: send 16 bits PCM")
    return RawSamples(SAMPLES[kind, bits], rate, channels)
