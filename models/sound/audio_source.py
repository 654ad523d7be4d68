"""One recording, block by block: files of any format, standard input, or any binary stream. Hours need no
memory.

WAV, FLAC, OGG and MP3 are read by libsndfile, as everywhere else in the toolkit; whatever it does not know
(m4a, mp4, webm and more, of films the first sound track) by FFmpeg, which PyAV brings along.

Shapes: S samples, C channels.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import soundfile

from foundation.errors import InputError
from models.sound.audio import (
    blocks_of,
    check_complete,
    check_file,
    check_rate,
    checked_header,
    library_reason,
)
from models.sound.piped_wav import RIFF, WAVE, read_wav_header

STANDARD_INPUT = "-"
BLOCK = 1024  # samples of each channel that libsndfile reads at once
# Bytes that are asked of a pipe at once: it is heard while it is written to.
PIPE_BYTES = 4096
# A container says in ms, or in frames of a film, how long it is: so much less is not cut off.
SLACK_S = 1.0


class AudioSource(Protocol):
    """A recording whose beginning was read and found to be good."""

    name: str  # what messages call it
    duration_s: float | None  # as its header says; None: it does not, or it is still being written

    def blocks(self) -> Iterator[tuple[np.ndarray, int]]:
        """Blocks of (S, C) float32 in order, and their sample rate in Hz; once only for what is no file.

        Raises InputError for what is damaged or cut off, once what comes before has been delivered.
        """


def open_source(source: str | Path | BinaryIO) -> AudioSource:
    """The recording in a file, on standard input ("-"), or in a binary stream that is open for reading.

    Raises InputError, naming the source and what to do, where it is missing, empty, not audio, without a
    sound track, or cut off as far as its header tells.
    """
    if isinstance(source, io.TextIOBase):
        raise InputError(f'{_name(source)} is open as text: open it in binary mode ("rb")')
    if hasattr(source, "read"):
        return _Container(_Stream(source, _name(source)), _name(source), {})
    if str(source) == STANDARD_INPUT:
        name = "standard input"
        if sys.stdin is None:
            raise InputError("standard input is closed: send audio there, or name a file")
        pipe = _Pipe(sys.stdin.fileno())
        return _Container(pipe, name, {"buffer_size": PIPE_BYTES} | _wav_samples(pipe, name))
    if not isinstance(source, str | Path):
        raise InputError(f"a source is a path or an open binary stream, got {source!r:.100}")
    check_file(source)
    return _SoundFile(source) if _libsndfile_knows(source) else _Container(source, str(source), {})


def _name(stream: Any) -> str:
    return str(getattr(stream, "name", "audio stream"))


def _libsndfile_knows(path: str | Path) -> bool:
    try:
        return soundfile.info(path).format != "RAW"
    except (soundfile.LibsndfileError, TypeError):  # TypeError: headerless .raw
        return False


class _SoundFile:
    """A file that libsndfile reads."""

    def __init__(self, path: str | Path) -> None:
        self.name = str(path)
        self._path = path
        self._header = checked_header(path)
        self.duration_s = self._header.frames / self._header.samplerate

    def blocks(self) -> Iterator[tuple[np.ndarray, int]]:
        frames = 0
        try:
            with soundfile.SoundFile(self._path) as file:
                for block in blocks_of(file, BLOCK):
                    frames += len(block)
                    yield block, file.samplerate
        except soundfile.LibsndfileError as error:
            reason = library_reason(error)
            raise InputError(f"{self.name} is damaged ({reason}): encode or copy it again") from None
        check_complete(self.name, self._header, frames)


class _Container:
    """Whatever FFmpeg reads: a file, or a stream that is read once."""

    def __init__(self, file: Any, name: str, opening: dict[str, Any]) -> None:
        """opening: what PyAV shall know of it."""
        self.name = name
        self.duration_s = None  # a stream's header may say anything: it is written before the audio
        self._file = file
        self._opening = opening
        self._is_path = isinstance(file, str | Path)
        self._opened = self._open()
        if self._is_path:
            self.duration_s = _duration_s(self._opened)
            self._opened.close()  # many may be looked at before the first is heard

    def blocks(self) -> Iterator[tuple[np.ndarray, int]]:
        import av

        heard_s = 0.0
        with closing(self._open() if self._is_path else self._opened) as container:
            convert = av.AudioResampler(format="fltp")
            try:
                for frame in container.decode(container.streams.audio[0]):
                    for part in convert.resample(frame):
                        block = part.to_ndarray().T  # (C, S) -> (S, C)
                        heard_s += len(block) / part.sample_rate
                        yield block, part.sample_rate
            except InputError:
                raise
            except (av.FFmpegError, ValueError) as error:  # ValueError: another layout or rate than before
                if not heard_s and not self._is_path:
                    raise InputError(
                        f"{self.name} cannot be read as it comes ({_words(error)}): it is damaged, or an m4a "
                        "or mp4 whose index stands at its end; give that as a file"
                    ) from None
                raise InputError(
                    f"{self.name} is damaged at {heard_s:.1f} s ({_words(error)}): encode or copy it again"
                ) from None
        if heard_s == 0:
            raise InputError(f"{self.name} has no samples: record it again")
        if self.duration_s is not None and heard_s < self.duration_s - SLACK_S:
            raise InputError(
                f"{self.name} is cut off: it announces {self.duration_s:.2f} s of audio, {heard_s:.2f} s are "
                "there; copy or encode it again"
            )

    def _open(self) -> Any:
        try:
            import av
        except ImportError:
            raise InputError(f"{self.name} cannot be read without PyAV: pip install av") from None

        try:
            container = av.open(str(self._file) if self._is_path else self._file, **self._opening)
        except InputError:  # of the stream that was to be read
            raise
        except (av.FFmpegError, ValueError) as error:
            if isinstance(error, av.EOFError):
                raise InputError(f"{self.name} is empty: nothing could be read") from None
            raise InputError(
                f"{self.name} is not audio that can be read ({_words(error)}): give WAV, FLAC, OGG, MP3, "
                "M4A, MP4, WEBM or whatever else FFmpeg reads"
            ) from None
        try:
            if not container.streams.audio:
                raise InputError(f"{self.name} has no audio track: give a recording with sound")
            check_rate(container.streams.audio[0].rate)
        except InputError as error:
            container.close()
            damaged = f"{self.name} is damaged: " if container.streams.audio else ""
            raise InputError(f"{damaged}{error}") from None
        return container


def _words(error: Exception) -> str:
    """FFmpeg's own words, without the path."""
    return getattr(error, "strerror", None) or str(error)


class _Stream:
    """A binary stream of the caller's, whose read() may give pieces as they come, longer than is asked for.

    PyAV would write what it did not ask for over other memory.
    """

    def __init__(self, stream: Any, name: str) -> None:
        self.name = name  # a suffix tells PyAV of the format
        self._stream = stream
        self._rest = b""  # was given, and is not asked for yet
        self._is_empty = True
        if all(hasattr(stream, method) for method in ("seek", "tell", "seekable")):
            self.seek, self.tell, self.seekable = self._seek, stream.tell, stream.seekable

    def read(self, size: int) -> bytes:
        """Raises InputError where there is nothing at all, or anything but bytes."""
        given = self._rest or self._stream.read(size)
        if not isinstance(given, bytes | bytearray | memoryview):
            raise InputError(
                f"{self.name} gives {type(given).__name__} in place of bytes: its read() must wait for "
                "bytes, and end with none"
            )
        if self._is_empty and not given:
            raise InputError(f"{self.name} is empty: nothing could be read")
        self._is_empty = False
        given = bytes(given)
        self._rest = given[size:]
        return given[:size]

    def _seek(self, offset: int, whence: int) -> int:
        self._rest = b""
        return self._stream.seek(offset, whence)


class _Pipe:
    """Standard input as it comes: a read does not wait until it has all that it asked for."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._begin = b""  # was looked at, and is still to be read

    def read(self, size: int) -> bytes:
        if self._begin:
            piece, self._begin = self._begin[:size], self._begin[size:]
            return piece
        return os.read(self._descriptor, size)

    def read_all(self, size: int) -> bytes:
        """So many bytes; fewer only at the end."""
        content = b""
        while len(content) < size and (piece := self.read(size - len(content))):
            content += piece
        return content

    def begins(self, size: int) -> bytes:
        """The first bytes, which are read again; nothing may have been read before."""
        self._begin = self.read_all(size)
        return self._begin


def _wav_samples(pipe: _Pipe, name: str) -> dict[str, Any]:
    """What PyAV shall know of the samples of a WAV, whose header is read here; nothing of anything else."""
    begin = pipe.begins(12)
    if not begin:
        raise InputError(f"{name} is empty: nothing could be read")
    if (begin[:4], begin[8:]) != (RIFF, WAVE):
        return {}
    try:
        pipe.read_all(12)
        found = read_wav_header(pipe.read_all)
        check_rate(found.rate)
    except InputError as error:
        raise InputError(f"{name} is no WAV that can be read: {error}") from None
    options = {"sample_rate": str(found.rate), "ch_layout": f"{found.channels}c"}
    return {"format": found.samples, "options": options}


def _duration_s(container: Any) -> float | None:
    """How long the sound track is; None where only the length of a whole film is known."""
    stream = container.streams.audio[0]
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    alone = len(container.streams) == 1
    return container.duration / 1_000_000 if alone and container.duration is not None else None
