"""Audio as sources deliver it -> float32 mono 16 kHz, for streams and for files.

Resampling is soxr's, whose streaming form gives the samples that resampling the whole would give.
It holds 20-80 ms back (the reach of its filter) until later audio or the end arrives; audio that has
16 kHz already passes at once.

Shapes: S samples, C channels.
"""

import logging
import math
from collections.abc import Iterator
from numbers import Real
from pathlib import Path

import numpy as np
import soundfile
import soxr

from foundation.errors import InputError
from models.sound.audio_container import what_is_cut_off

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16_000
MOST_CHANNELS = 32  # more means that (C, S) was given for (S, C)
FULL_SCALE = {np.dtype(np.int16): 2**15, np.dtype(np.int32): 2**31}
# Hz. Other rates are those of a damaged header; the resampler takes none that is far above.
SLOWEST, FASTEST = 1000, 1_000_000
UNKNOWN_LENGTH = 2**62  # libsndfile reports 2**63 - 1 frames when the header does not say
# Decoders of lossy formats and mixing overshoot 1 a little; whole numbers of 16 bits stored as floats
# reach thousands.
LOUDEST = 16.0
BLOCK = 2**20  # samples of each channel that are read at once where the audio itself is not kept
MP3_SLACK = 1152  # samples that an MP3's header may announce beyond what comes out: a frame
SILENCED = 0.01  # of the channels' energy: left of it after averaging, this is next to nothing


class AudioIntake:
    """One stream's audio: takes chunks of any rate and layout, gives new float32 samples at 16 kHz.

    Memory is constant: nothing but the resampler's filter state is kept.
    """

    def __init__(self) -> None:
        self.finished = False
        self._sample_rate: float | None = None
        self._resampler: soxr.ResampleStream | None = None

    def push(self, content, sample_rate: float | None, finished: bool = False) -> np.ndarray:
        """Hears one chunk and returns the (m,) float32 samples at 16 kHz that it completes.

        content: list or array, (S,) or (S, C); floats in [-1, 1], or integers of 16 bits (or a numpy
        array of 32), which are scaled to that. Several channels are averaged. The rate of a chunk without
        samples is not looked at, since an empty last chunk often carries none.
        finished: the stream ends with this chunk; what the resampler still holds is returned too.

        Raises InputError for samples that are not finite or far above 1, another shape or type, more than
        32 channels, a rate that is none of audio or that changes, and samples after the end.
        """
        samples = _mono(content)
        if len(samples):
            if self.finished:
                raise InputError("the stream has ended, yet more audio arrives: start a new stream for it")
            self._set_rate(sample_rate)
        flush = finished and not self.finished
        self.finished = self.finished or finished
        if self._resampler is not None and (len(samples) or flush):
            samples = self._resampler.resample_chunk(samples, last=flush)
        return samples

    def _set_rate(self, sample_rate: float | None) -> None:
        check_rate(sample_rate)
        if self._sample_rate == sample_rate:
            return
        if self._sample_rate is not None:
            raise InputError(
                f"the sample rate changed from {self._sample_rate:g} to {sample_rate:g} Hz inside a stream: "
                "keep one rate, or start a new stream"
            )
        self._sample_rate = sample_rate
        if sample_rate != SAMPLE_RATE:
            self._resampler = soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="float32")


def check_rate(sample_rate: float | None) -> None:
    """Raises InputError for what is no rate of audio, in Hz."""
    if not isinstance(sample_rate, Real) or not (math.isfinite(sample_rate) and sample_rate > 0):
        raise InputError(f"the sample rate must be positive, got {sample_rate}: give it in Hz")
    if not SLOWEST <= sample_rate <= FASTEST:
        raise InputError(
            f"the sample rate must lie between {SLOWEST} and {FASTEST} Hz, got {sample_rate}: "
            "give it in Hz, or record or copy the audio again"
        )


class ChannelEnergy:
    """Of several channels their average is heard: what is left in it of their energy."""

    def __init__(self) -> None:
        self._all = self._left = 0.0
        self._channels = 1

    def add(self, samples: np.ndarray) -> None:
        """samples: (S, C) float, the next of the recording."""
        if samples.shape[1] > 1:
            self._channels = samples.shape[1]
            with np.errstate(invalid="ignore"):  # what is not finite is refused by who hears it
                self._all += float(np.square(samples, dtype=np.float64).sum()) / self._channels
                self._left += float(np.square(samples.mean(axis=1), dtype=np.float64).sum())

    def warn(self, name: str | Path) -> None:
        """Say, of the recording of that name, that next to nothing is left, where that is so."""
        if self._left < SILENCED * self._all:
            logger.warning(
                "%s: the average of its %d channels has %.1f%% of their energy, since they cancel each other "
                "out (opposite phase): give one channel of it",
                name,
                self._channels,
                100 * self._left / self._all,
            )


def _mono(content) -> np.ndarray:
    """List or array, (S,) or (S, C) -> (S,) float32 in [-1, 1]. Raises InputError (see AudioIntake.push)."""
    try:
        array = np.asarray(content)
    except ValueError as error:
        raise InputError(f"audio must be (S,) or (S, C), got a ragged list ({error})") from None
    if array.ndim not in (1, 2):
        raise InputError(f"audio must be (S,) or (S, C), got {array.shape}")
    if array.size == 0 and len(array) == 0:
        return np.zeros(0, np.float32)
    if array.ndim == 2 and not 1 <= array.shape[1] <= MOST_CHANNELS:
        raise InputError(
            f"audio must be (S, C) with 1 to {MOST_CHANNELS} channels, got {array.shape}: transpose it?"
        )
    samples = _scaled(array)
    finite = np.isfinite(samples)
    if not finite.all():
        where = np.unravel_index(np.argmin(finite), samples.shape)
        raise InputError(f"audio must be finite, got {samples[where]} at sample {where[0]} of the chunk")
    if samples.ndim == 2:
        samples = samples.mean(axis=1)
    peak = float(np.abs(samples).max())
    if peak > LOUDEST:
        raise InputError(
            f"audio must lie between -1 and 1, got {peak:g}: divide the samples by their full scale "
            "(32768 for 16 bits), or store them as whole numbers"
        )
    return samples


def _scaled(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.int64 and np.abs(array).max() <= FULL_SCALE[np.dtype(np.int16)]:
        array = array.astype(np.int32) << 16  # a list of Python integers holds 16-bit samples
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what fits into no float32 is refused as not finite
            return array.astype(np.float32)
    if array.dtype not in FULL_SCALE:
        raise InputError(f"samples must be floats, or integers of 16 or 32 bits, got {array.dtype}")
    return array.astype(np.float32) / FULL_SCALE[array.dtype]


def read_audio(path: str | Path) -> np.ndarray:
    """The whole file as (S,) float32, mono, 16 kHz.

    Raises InputError that names the file. Warns of channels that cancel each other out.
    """
    samples, sample_rate = read_samples(path)
    try:
        heard = AudioIntake().push(samples, sample_rate, finished=True)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    if len(heard) == 0:
        raise InputError(f"{path} is shorter than a sample at {SAMPLE_RATE} Hz: take it off the list")
    channels = ChannelEnergy()
    channels.add(samples)
    channels.warn(path)
    return heard


def read_samples(path: str | Path) -> tuple[np.ndarray, int]:
    """The whole file as (S, C) float32, and its sample rate in Hz. Raises InputError that names the file."""
    header = checked_header(path)
    try:
        samples, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path} is damaged ({library_reason(error)}): encode or copy it again") from None
    except (MemoryError, ValueError):  # numpy's, for what the header announces
        raise InputError(
            f"{path} announces {header.frames / header.samplerate:.2f} s of audio, more than fit into "
            "memory: split it, or, where it is damaged, encode or copy it again"
        ) from None
    check_complete(path, header, len(samples))
    return samples, sample_rate


def check_audio_file(path: str | Path, maximum_s: float | None) -> float:
    """The file's duration in seconds, from its header alone.

    Raises InputError, naming the file and what to do, if it is missing, empty, not audio, without samples,
    shorter than its header says, or longer than `maximum_s`. Of an MP3 only reading it tells whether it is
    all there.
    """
    header = checked_header(path)
    duration_s = header.frames / header.samplerate
    if maximum_s is not None and duration_s > maximum_s:
        raise InputError(
            f"{path} is {duration_s:.1f} s long, but the model hears at most {maximum_s:g} s: "
            "split it, for instance at pauses"
        )
    return duration_s


def decoded_duration_s(path: str | Path) -> float:
    """How long the file is once it is read to its end, in blocks: hours of audio need no memory.

    Raises InputError as `read_samples`.
    """
    header = checked_header(path)
    try:
        with soundfile.SoundFile(path) as file:
            frames = sum(map(len, blocks_of(file, BLOCK)))
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path} is damaged ({library_reason(error)}): encode or copy it again") from None
    check_complete(path, header, frames)
    return frames / header.samplerate


def blocks_of(file: soundfile.SoundFile, size: int) -> Iterator[np.ndarray]:
    """All that can be read, in blocks of (size, C) float32; the last one may be shorter.

    soundfile's own `blocks` repeats the last block that it could read where a file is cut off, up to the
    length that the header announces.
    """
    while len(block := file.read(size, dtype="float32", always_2d=True)):
        yield block


def check_complete(path: str | Path, header, frames: int) -> None:
    """Raises InputError where fewer samples came out than the header announces."""
    slack = MP3_SLACK if header.format == "MP3" else 0
    if frames < header.frames - slack:
        raise InputError(
            f"{path} is cut off: its header announces {header.frames / header.samplerate:.2f} s, "
            f"{frames / header.samplerate:.2f} s are there; copy or encode it again"
        )


def check_file(path: str | Path) -> None:
    """Raises InputError where there is no file, or nothing in it."""
    try:
        exists, is_file = Path(path).exists(), Path(path).is_file()
    except OSError as error:  # a name that is too long for the file system, for one
        raise InputError(f"{str(path)!r:.80} is no usable path ({error.strerror}): correct it") from None
    if Path(path).is_dir():
        raise InputError(f"{path} is a folder: name the audio file in it")
    if exists and not is_file:
        raise InputError(
            f"{path} is a pipe or a device, which cannot be looked into before it is heard: give a file, or "
            "send it to the standard input of `simulst translate -`"
        )
    if not exists:
        raise InputError(f"{path}: no such file: correct the path (relative paths start from {Path.cwd()})")
    if Path(path).stat().st_size == 0:
        raise InputError(f"{path} is an empty file: record or copy it again, or take it off the list")


def checked_header(path: str | Path):
    """What soundfile says of the file. Raises InputError as `check_audio_file`."""
    check_file(path)
    try:
        header = soundfile.info(path)
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: headerless .raw
        raise InputError(
            f"{path} is not audio that can be read ({library_reason(error)}): give WAV, FLAC, OGG or MP3"
        ) from None
    if header.format == "RAW":  # any bytes under a name such as .au or .vox
        raise InputError(f"{path} is not audio that can be read (no header): give WAV, FLAC, OGG or MP3")
    if header.frames == 0:
        raise InputError(f"{path} has no samples: record it again, or take it off the list")
    if header.frames > UNKNOWN_LENGTH:
        raise InputError(f"{path} does not say in its header how long it is: encode it again")
    try:
        check_rate(header.samplerate)
    except InputError as error:
        raise InputError(f"{path} is damaged: {error}") from None
    cut_off = what_is_cut_off(path, header.format, header.extra_info)
    if cut_off:
        raise InputError(f"{path} is cut off ({cut_off}): copy or encode it again")
    return header


def library_reason(error: Exception) -> str:
    """libsndfile's own words, without the path and the full stop that soundfile adds."""
    return getattr(error, "error_string", str(error)).rstrip(".")
