"""A recording comes block by block, whatever its format, and what cannot be heard is told in one line."""

import io
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from foundation.errors import InputError
from models.sound.audio import read_samples
from models.sound.audio_source import open_source
from tests.evaluation.tiny_evaluation import ROOT
from tests.models.sound.recordings import write_recording, write_silent_film

CODECS = {".m4a": "aac", ".mp4": "aac", ".webm": "libopus", ".opus": "libopus", ".mka": "flac"}
RATE = 16_000


@pytest.fixture(scope="module")
def tone() -> np.ndarray:
    """(S,) float32: two seconds of 440 Hz that swell and fade."""
    times_s = np.arange(2 * RATE) / RATE
    return (0.3 * np.sin(np.pi * times_s / 2) * np.sin(2 * np.pi * 440 * times_s)).astype(np.float32)


@pytest.fixture(scope="module")
def recording(tone, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    return lambda suffix: write_recording(folder / f"tone{suffix}", tone, RATE, CODECS[suffix])


def heard(source) -> tuple[np.ndarray, int]:
    blocks = list(source.blocks())
    [rate] = {rate for _, rate in blocks}
    return np.concatenate([block for block, _ in blocks]), rate


def refused(source) -> str:
    with pytest.raises(InputError) as caught:
        list(open_source(source).blocks())
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("suffix", CODECS)
def test_a_recording_of_any_container_is_heard(recording, tone, suffix):
    source = open_source(recording(suffix))
    samples, rate = heard(source)
    assert samples.shape[1] == 1 and samples.dtype == np.float32
    assert len(samples) / rate == pytest.approx(2, abs=0.05)
    assert source.duration_s == pytest.approx(2, abs=0.05)
    # 440 Hz, as loud as they were.
    spectrum = np.abs(np.fft.rfft(samples[:, 0]))
    assert spectrum.argmax() * rate / len(samples) == pytest.approx(440, abs=1)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(np.sqrt(np.mean(tone**2)), rel=0.03)
    assert len(heard(source)[0]) == len(samples)  # a file can be heard again


def test_a_lossless_track_is_what_went_in(recording, tone):
    samples, rate = heard(open_source(recording(".mka")))
    assert rate == RATE
    np.testing.assert_allclose(samples[:, 0], tone, atol=2**-15)


def test_what_libsndfile_knows_is_read_as_everywhere_else(tmp_path, tone):
    path = tmp_path / "stereo.flac"
    soundfile.write(path, np.stack([tone, -tone], 1), 22_050)
    samples, rate = heard(open_source(path))
    expected, expected_rate = read_samples(path)
    assert rate == expected_rate == 22_050
    np.testing.assert_array_equal(samples, expected)


def test_an_open_stream_is_heard(recording, tone):
    stream = io.BytesIO(recording(".webm").read_bytes())
    samples, rate = heard(open_source(stream))
    assert len(samples) / rate == pytest.approx(2, abs=0.05)


class Pieces:
    """A stream of the caller's own, whose read() gives the next piece, however much is asked for."""

    def __init__(self, *pieces) -> None:
        self._pieces = list(pieces)

    def read(self, size):
        return self._pieces.pop(0) if self._pieces else b""


def test_a_stream_that_gives_more_than_is_asked_for_is_heard(recording):
    content = recording(".webm").read_bytes()
    expected, rate = heard(open_source(io.BytesIO(content)))
    for pieces in ([content], [content[:9], bytearray(content[9:999]), memoryview(content[999:])]):
        samples, own_rate = heard(open_source(Pieces(*pieces)))
        assert own_rate == rate
        np.testing.assert_array_equal(samples, expected)


def test_a_stream_that_gives_no_bytes_is_told(recording):
    content = recording(".webm").read_bytes()
    for piece, kind in ((None, "NoneType"), ("text", "str")):
        said = (
            f"audio stream gives {kind} in place of bytes: its read() must wait for bytes, and end with none"
        )
        assert refused(Pieces(piece)) == said
        with pytest.raises(InputError, match=said.replace("(", r"\(").replace(")", r"\)")):
            heard(open_source(Pieces(content[:20_000], piece)))


def test_a_pipe_is_heard_before_it_ends(tmp_path, tone):
    """As from a recorder: the header says nothing true, and the rest comes when it is spoken."""
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone, RATE, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[40:44] = content[4:8] = (0xFFFFFFFF).to_bytes(4, "little")
    program = (
        "from models.sound.audio_source import open_source\n"
        "blocks = open_source('-').blocks()\n"
        "count = 0\n"
        "while count < 8000: count += len(next(blocks)[0])\n"
        "print('half', flush=True)\n"
        "print(count + sum(len(block) for block, _ in blocks))\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    run.stdin.write(content[: 44 + 2 * 16_000])
    run.stdin.flush()
    assert run.stdout.readline() == b"half\n"
    run.stdin.write(content[44 + 2 * 16_000 :])
    run.stdin.close()
    assert run.stdout.read() == b"32000\n"
    assert run.wait() == 0


def test_what_is_no_audio_is_told(tmp_path, recording):
    text = tmp_path / "talk.m4a"
    text.write_text("no audio at all, but text\n" * 20)
    assert refused(text).startswith(f"{text} is not audio that can be read (Invalid data")
    assert refused(write_silent_film(tmp_path / "film.mp4")).endswith(
        "film.mp4 has no audio track: give a recording with sound"
    )
    empty = tmp_path / "empty.webm"
    empty.touch()
    assert refused(empty).startswith(f"{empty} is an empty file")
    assert refused(tmp_path / "none.webm").startswith(f"{tmp_path / 'none.webm'}: no such file")
    assert refused(io.BytesIO()) == "audio stream is empty: nothing could be read"


def test_standard_input_without_a_byte_is_told():
    program = "from models.sound.audio_source import open_source\nopen_source('-')"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert run.stderr.endswith(b"InputError: standard input is empty: nothing could be read\n")


def test_what_was_cut_off_is_told_behind_what_is_there(tmp_path, recording):
    content = recording(".webm").read_bytes()
    path = tmp_path / "cut.webm"
    path.write_bytes(content[: len(content) // 4])
    blocks, count = open_source(path).blocks(), 0
    with pytest.raises(InputError, match=r"cut.webm is cut off: it announces 2.0\d s of audio, 0.\d+ s are"):
        for block, _ in blocks:
            count += len(block)
    assert count > 4800
    path = tmp_path / "cut.m4a"  # whose index comes last
    path.write_bytes(recording(".m4a").read_bytes()[:4000])
    assert "cut.m4a is not audio that can be read" in refused(path)


def test_without_pyav_what_it_would_read_is_told(recording, tmp_path, tone, monkeypatch):
    path = recording(".m4a")
    monkeypatch.setitem(sys.modules, "av", None)
    assert refused(path) == f"{path} cannot be read without PyAV: pip install av"
    wav = tmp_path / "tone.wav"
    soundfile.write(wav, tone, RATE)
    assert len(heard(open_source(wav))[0]) == len(tone)
