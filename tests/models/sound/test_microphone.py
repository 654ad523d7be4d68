"""What comes from a microphone is heard; where there is none, one line says how to mend it.

No machine that runs tests has one: a module in place of sounddevice plays what a test says.
"""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from foundation.errors import InputError
from models.sound.microphone import Microphone


class PortAudioError(Exception):
    pass


class InputStream:
    """Calls back with what is spoken as soon as it is opened."""

    spoken: list[np.ndarray] = []
    active = True

    def __init__(self, samplerate, channels, dtype, device, callback):
        assert (samplerate, channels, dtype) == (48_000, 1, "float32")
        self._callback = callback

    def __enter__(self):
        memory = np.zeros((480, 1), np.float32)
        for block in self.spoken:
            memory[:] = block  # PortAudio uses its memory again
            self._callback(memory, len(memory), None, None)

    def __exit__(self, *error):
        pass


@pytest.fixture
def sounddevice(monkeypatch):
    def query_devices(device, kind):
        if device not in (None, 3, "head"):
            raise ValueError(f"No input device matching {device!r}\nand more")
        return {"default_samplerate": 48_000.0}

    module = SimpleNamespace(
        PortAudioError=PortAudioError,
        InputStream=InputStream,
        query_devices=query_devices,
        check_input_settings=lambda device, channels, samplerate: None,
    )
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def test_what_is_spoken_is_heard_in_order_until_the_end(sounddevice, monkeypatch):
    spoken = [np.full((480, 1), value, np.float32) for value in (0.1, 0.2, 0.3)]
    monkeypatch.setattr(InputStream, "spoken", spoken)
    microphone = Microphone()
    blocks = microphone.blocks()
    samples, rate = next(blocks)
    assert rate == 48_000 and samples.shape == (1440, 1)
    np.testing.assert_array_equal(samples, np.concatenate(spoken))
    microphone.end()
    assert list(blocks) == []


def test_a_microphone_that_is_unplugged_ends(sounddevice, monkeypatch, caplog):
    """PortAudio then calls no more, and its stream is active no more."""
    monkeypatch.setattr(InputStream, "spoken", [np.full((480, 1), 0.1, np.float32)])
    monkeypatch.setattr(InputStream, "active", False)
    assert [len(samples) for samples, _ in Microphone().blocks()] == [480]
    assert "the microphone is gone" in caplog.text


@pytest.mark.parametrize("device", ["3", "head", None])
def test_a_microphone_is_known_by_number_or_name(sounddevice, device):
    assert Microphone(device).name == "microphone"


def test_a_microphone_that_is_not_there_is_told(sounddevice):
    with pytest.raises(InputError) as caught:
        Microphone("tail")
    assert str(caught.value) == (
        "there is no microphone 'tail' (No input device matching 'tail'): plug one in, or name it by "
        "--input-device; `python -m sounddevice` lists them"
    )


def test_a_microphone_that_is_taken_is_told(sounddevice):
    def taken(**_):
        raise PortAudioError("Device unavailable")

    sounddevice.InputStream = taken
    with pytest.raises(InputError, match=r"the microphone cannot be opened \(Device unavailable\): end the"):
        next(Microphone().blocks())


def test_what_is_not_installed_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(InputError) as caught:
        Microphone()
    assert str(caught.value) == "the microphone needs sounddevice: pip install -e '.[live]'"
