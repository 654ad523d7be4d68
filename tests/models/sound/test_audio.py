"""Audio of any rate and layout arrives as float32 mono 16 kHz; what cannot is refused in one message."""

import math
import os

import numpy as np
import pytest
import soundfile
import soxr

from foundation.errors import InputError
from models.sound.audio import AudioIntake, check_audio_file, read_audio


def tone(seconds: float, sample_rate: int, hertz: float = 440) -> np.ndarray:
    """(S,) float32 sine with a slow swell."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return (0.5 * np.sin(2 * np.pi * hertz * time) * np.sin(np.pi * time / seconds)).astype(np.float32)


def push_in_chunks(samples, sample_rate: int, size: int) -> np.ndarray:
    """The last chunk with samples is the one that finishes."""
    intake = AudioIntake()
    starts = range(0, len(samples), size)
    pieces = [intake.push(samples[s : s + size], sample_rate, finished=s == starts[-1]) for s in starts]
    return np.concatenate(pieces)


@pytest.mark.parametrize("size", [1, 33, 4000, 10**6])
@pytest.mark.parametrize("sample_rate", [8000, 11025, 22050, 44100, 48000])
def test_chunks_are_resampled_as_the_whole_is(sample_rate, size):
    samples = tone(0.5 if size == 1 else 3, sample_rate)
    result = push_in_chunks(samples, sample_rate, size)
    expected = soxr.resample(samples, sample_rate, 16_000)
    assert result.dtype == np.float32 and result.shape == expected.shape
    assert np.abs(result - expected).max() < 1e-4


def test_sixteen_kilohertz_passes_unchanged_at_once():
    samples = tone(1, 16_000)
    assert np.array_equal(AudioIntake().push(samples, 16_000), samples)


def test_an_empty_last_chunk_flushes_the_resampler_whatever_its_rate():
    samples = tone(1, 11_025)
    intake = AudioIntake()
    first = intake.push(samples, 11_025)
    assert len(first) < 16_000
    last = intake.push([], None, finished=True)
    assert np.array_equal(np.concatenate([first, last]), soxr.resample(samples, 11_025, 16_000))
    assert len(intake.push([], None, finished=True)) == 0


def test_the_resampler_holds_little_back():
    for sample_rate in (8000, 11_025, 44_100, 48_000):
        heard = AudioIntake().push(np.zeros(sample_rate), sample_rate)
        assert len(heard) > 16_000 * 0.9


def test_lists_and_arrays_of_any_layout_mean_the_same():
    mono = tone(0.1, 16_000)
    stereo = np.stack([mono * 1.5, mono * 0.5], axis=1)
    whole = np.round(mono * 2**15).astype(np.int16)
    for content in (mono.tolist(), mono.astype(np.float64), mono[:, None], stereo, stereo.tolist()):
        assert np.abs(AudioIntake().push(content, 16_000) - mono).max() < 1e-6
    for content in (whole, whole.tolist(), whole.astype(np.int32) << 16, np.stack([whole, whole], axis=1)):
        result = AudioIntake().push(content, 16_000)
        assert result.dtype == np.float32
        assert np.abs(result - mono).max() < 2**-15


def test_int16_keeps_its_full_range():
    result = AudioIntake().push(np.array([-(2**15), 0, 2**15 - 1], np.int16), 16_000)
    assert result.tolist() == [-1.0, 0.0, 1 - 2**-15]


def test_the_callers_array_is_not_kept():
    samples = tone(0.1, 16_000)
    result = AudioIntake().push(samples, 16_000)
    samples[:] = 0
    assert np.abs(result).max() > 0.1


@pytest.mark.parametrize("sample_rate", [0, -16_000, math.nan, math.inf, None])
def test_a_rate_that_is_not_positive_is_refused(sample_rate):
    with pytest.raises(InputError, match="sample rate must be positive"):
        AudioIntake().push([0.0, 0.1], sample_rate)


@pytest.mark.parametrize("sample_rate", [999, 1_000_001])
def test_a_rate_that_no_audio_has_is_refused(sample_rate, tmp_path):
    with pytest.raises(InputError, match=f"rate must lie between 1000 and 1000000 Hz, got {sample_rate}"):
        AudioIntake().push([0.0, 0.1], sample_rate)
    soundfile.write(tmp_path / "a.wav", tone(0.1, 16_000), sample_rate)
    with pytest.raises(InputError, match="a.wav is damaged: the sample rate must lie between"):
        check_audio_file(tmp_path / "a.wav", None)


def test_a_rate_that_changes_is_refused():
    intake = AudioIntake()
    intake.push([0.0, 0.1], 16_000)
    with pytest.raises(InputError, match="changed from 16000 to 8000 Hz"):
        intake.push([0.0, 0.1], 8000)


def test_audio_after_the_end_is_refused():
    intake = AudioIntake()
    intake.push([0.0, 0.1], 16_000, finished=True)
    with pytest.raises(InputError, match="has ended"):
        intake.push([0.0], 16_000)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([0.0, math.nan], "finite, got nan at sample 1"),
        (np.array([[0.0, 0.0], [np.inf, 0.0]]), "finite, got inf at sample 1"),
        (np.zeros((2, 33)), "1 to 32 channels.*transpose"),
        (np.zeros((4, 0)), "1 to 32 channels"),
        (np.zeros((2, 2, 2)), r"got \(2, 2, 2\)"),
        (0.5, r"got \(\)"),
        ([[0.0, 0.0], [0.0]], "ragged"),
        (["a", "b"], "must be floats"),
        ([None], "must be floats"),
        (np.zeros(4, np.uint8), "got uint8"),
        ([0, 40_000], "integers of 16 or 32 bits"),
    ],
)
def test_what_is_not_audio_is_refused(content, message):
    with pytest.raises(InputError, match=message):
        AudioIntake().push(content, 16_000)


def test_a_file_is_read_as_mono_at_sixteen_kilohertz(tmp_path):
    mono = tone(1, 44_100)
    soundfile.write(tmp_path / "a.flac", np.stack([mono, mono], axis=1), 44_100)
    result = read_audio(tmp_path / "a.flac")
    assert result.shape == (16_000,) and result.dtype == np.float32
    assert np.abs(result - soxr.resample(mono, 44_100, 16_000)).max() < 1e-4


def test_a_good_file_passes_with_its_duration(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(2.5, 8000), 8000)
    assert check_audio_file(tmp_path / "a.wav", maximum_s=30) == 2.5
    assert check_audio_file(str(tmp_path / "a.wav"), maximum_s=None) == 2.5


def write_bad_files(folder):
    (folder / "empty.wav").touch()
    (folder / "folder.wav").mkdir()
    os.mkfifo(folder / "pipe.wav")
    (folder / "text.wav").write_text("this is not audio")
    (folder / "headerless.raw").write_bytes(b"\0" * 1000)
    soundfile.write(folder / "no_samples.wav", np.zeros(0), 16_000)
    soundfile.write(folder / "endless.flac", tone(1, 16_000), 16_000)
    endless = bytearray((folder / "endless.flac").read_bytes())
    endless[21] &= 0xF0  # FLAC's count of samples: the 36 bits that end with byte 25; zero means unknown
    endless[22:26] = bytes(4)
    (folder / "endless.flac").write_bytes(endless)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.wav", "no such file"),
        ("folder.wav", "is a folder: name the audio file in it"),
        ("pipe.wav", "is a pipe or a device, .*standard input of `simulst translate -`"),
        ("empty.wav", "empty file"),
        ("text.wav", "not audio.*Format not recognised.*give WAV"),
        ("headerless.raw", "not audio"),
        ("no_samples.wav", "has no samples"),
        ("endless.flac", "does not say .* how long"),
    ],
)
def test_bad_files_are_refused_by_name(tmp_path, name, message):
    write_bad_files(tmp_path)
    for read in (lambda path: check_audio_file(path, maximum_s=30), read_audio):
        with pytest.raises(InputError, match=f"{name}.*{message}"):
            read(tmp_path / name)


def test_a_file_longer_than_the_window_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(8000 * 31), 8000)
    with pytest.raises(InputError, match="a.wav is 31.0 s long, but the model hears at most 30 s: split it"):
        check_audio_file(tmp_path / "a.wav", maximum_s=30)


def test_a_file_cut_short_is_refused_when_read(tmp_path):
    soundfile.write(tmp_path / "a.flac", np.random.default_rng(0).normal(0, 0.1, 48_000), 16_000)
    (tmp_path / "a.flac").write_bytes((tmp_path / "a.flac").read_bytes()[:20_000])
    with pytest.raises(InputError, match="a.flac is damaged"):
        read_audio(tmp_path / "a.flac")


def test_a_file_with_non_finite_samples_is_refused_by_name(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.array([0.0, np.nan]), 16_000, subtype="FLOAT")
    with pytest.raises(InputError, match="a.wav: audio must be finite"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("frame", [[math.inf, -math.inf], [1e300, 0.0], [math.nan, 0.0]])
def test_samples_of_several_channels_that_are_not_finite_are_refused_without_a_warning(tmp_path, frame):
    soundfile.write(tmp_path / "a.wav", np.array([[0.0, 0.0], frame]), 16_000, subtype="DOUBLE")
    with pytest.raises(InputError, match="a.wav: audio must be finite, got .* at sample 1 of"):
        read_audio(tmp_path / "a.wav")


def test_a_header_that_announces_more_than_memory_holds_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.flac", tone(0.1, 16_000), 16_000)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] |= 0x0F  # STREAMINFO counts samples in 36 bits
    data[22:26] = b"\xff" * 4
    (tmp_path / "a.flac").write_bytes(data)
    with pytest.raises(InputError, match="a.flac announces 4294967.30 s of audio, more than fit into memory"):
        read_audio(tmp_path / "a.flac")


def test_a_file_of_less_than_a_sample_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(1), 384_000)
    with pytest.raises(InputError, match="a.wav is shorter than a sample at 16000 Hz"):
        read_audio(tmp_path / "a.wav")


def test_whole_numbers_stored_as_floats_are_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", 32_768 * tone(1, 16_000), 16_000, subtype="FLOAT")
    with pytest.raises(InputError) as refused:
        read_audio(tmp_path / "a.wav")
    assert str(refused.value).startswith(f"{tmp_path}/a.wav: audio must lie between -1 and 1, got 163")
    assert "divide the samples by their full scale (32768 for 16 bits)" in str(refused.value)
    with pytest.raises(InputError, match="between -1 and 1, got 300"):
        AudioIntake().push([0.0, -300.0], 16_000)


def test_floats_a_little_above_one_are_heard():
    assert AudioIntake().push([1.5, -4.0], 16_000).tolist() == [1.5, -4.0]


def test_channels_that_cancel_each_other_out_are_warned_about(tmp_path, caplog):
    mono = tone(1, 16_000)
    soundfile.write(tmp_path / "anti.wav", np.stack([mono, -mono], axis=1), 16_000)
    assert np.abs(read_audio(tmp_path / "anti.wav")).max() < 1e-4
    [record] = caplog.records
    assert record.getMessage().startswith(f"{tmp_path}/anti.wav: the average of its 2 channels has 0.0% of")
    assert "give one channel of it" in record.getMessage()


def test_channels_that_differ_are_not_warned_about(tmp_path, caplog):
    noise = np.random.default_rng(0).normal(0, 0.1, (16_000, 2))
    for name, samples in (
        ("other", noise),
        ("one", noise * [1, 0]),
        ("shifted", np.stack([tone(1, 16_000), tone(1, 16_000, 450)], axis=1)),
        ("silent", np.zeros((16_000, 2))),
    ):
        soundfile.write(tmp_path / f"{name}.wav", samples, 16_000)
        read_audio(tmp_path / f"{name}.wav")
    assert not caplog.records


@pytest.mark.parametrize("name", ["a" * 300 + ".wav", "a\0b.wav"])
def test_a_name_that_no_file_can_have_is_refused(name):
    with pytest.raises(InputError, match="no usable path|no such file"):
        read_audio(name)
