"""The microphone as an audio source, by PortAudio (package sounddevice, extra `[live]`)."""

import logging
import queue
from collections.abc import Iterator
from typing import Any

import numpy as np

from foundation.errors import InputError

logger = logging.getLogger(__name__)

WAIT_S = 0.2  # so long a pause passes until `end` is noticed


class Microphone:
    """What is spoken now. It is heard from `blocks` on, in all that has come since the block before."""

    name = "microphone"
    duration_s = None

    def __init__(self, device: str | None = None) -> None:
        """device: number or a part of the name; default: the system's.

        Raises InputError where sounddevice or PortAudio is not installed, or there is no such microphone.
        """
        self._sounddevice = _sounddevice()
        self._device = int(device) if device is not None and device.isdigit() else device
        self._came: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
        self._ended = False
        try:
            known = self._sounddevice.query_devices(self._device, "input")
            self._rate = int(known["default_samplerate"])
            self._sounddevice.check_input_settings(self._device, channels=1, samplerate=self._rate)
        except (ValueError, self._sounddevice.PortAudioError) as error:
            which = "no microphone was found" if device is None else f"there is no microphone {device!r}"
            raise InputError(
                f"{which} ({_first_line(error)}): plug one in, or name it by --input-device; `python -m "
                "sounddevice` lists them"
            ) from None

    def end(self) -> None:
        """Nothing more shall be heard: `blocks` ends with what has come by now."""
        self._ended = True

    def blocks(self) -> Iterator[tuple[np.ndarray, int]]:
        """Blocks of (S, 1) float32 as they come, and their sample rate in Hz.

        They end, with a warning, where the microphone was unplugged.

        Raises InputError where the microphone cannot be opened.
        """
        try:
            stream = self._sounddevice.InputStream(
                samplerate=self._rate, channels=1, dtype="float32", device=self._device, callback=self._hear
            )
        except self._sounddevice.PortAudioError as error:
            raise InputError(
                f"the microphone cannot be opened ({_first_line(error)}): end the program that has it, or "
                "name another one by --input-device"
            ) from None
        with stream:
            while not self._ended:
                block = self._all_that_came()
                if block is not None:
                    yield block, self._rate
                elif not stream.active:
                    logger.warning("the microphone is gone: what was said before is written")
                    break
        block = self._all_that_came()
        if block is not None:
            yield block, self._rate

    def _hear(self, samples: np.ndarray, frames: int, times: Any, status: Any) -> None:
        """PortAudio calls this from a thread of its own, and uses the memory again."""
        self._came.put(samples.copy())

    def _all_that_came(self) -> np.ndarray | None:
        try:
            blocks = [self._came.get(timeout=WAIT_S)]
            while not self._came.empty():
                blocks.append(self._came.get())
        except queue.Empty:
            return None
        return np.concatenate(blocks)


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise InputError("the microphone needs sounddevice: pip install -e '.[live]'") from None
    except OSError:
        raise InputError(
            "the microphone needs PortAudio, which is not installed: apt install libportaudio2 (Debian, "
            "Ubuntu), or what your system calls it"
        ) from None
    return sounddevice


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
