"""The audio of a recording: its loudness, and its address on the page."""

import numpy as np
import pytest
import soundfile

from evaluation.report.audio import audio_link, loudness


def test_loudness_is_a_digit_for_each_60_ms(tmp_path):
    samples = np.zeros(16_000 * 3 // 5, dtype=np.float32)  # 600 ms
    samples[:960] = 0.5
    samples[960:1920] = 0.5 / 10**1.5  # 30 dB below; silence is 40 dB below
    file = tmp_path / "a.wav"
    soundfile.write(file, samples, 16_000, subtype="FLOAT")
    assert loudness(str(file)) == "9200000000"


def test_bars_keep_to_the_clock_where_they_are_of_no_whole_number_of_samples(tmp_path):
    file = tmp_path / "a.wav"
    samples = np.zeros(11_025 * 130)  # 130 s; 60 ms are 661.5 samples
    samples[int(11_025 * 126.0) :] = 0.1
    soundfile.write(file, samples, 11_025)
    digits = loudness(str(file))
    assert len(digits) == 2167
    assert digits.index("9") == 2100


def test_two_channels_are_one_loudness(tmp_path):
    file = tmp_path / "a.wav"
    soundfile.write(file, np.tile([[0.1, -0.1]], (16_000, 1)), 16_000)
    assert loudness(str(file)) == "9" * 17


def test_silence_is_silent(tmp_path):
    file = tmp_path / "a.wav"
    soundfile.write(file, np.zeros(1600), 16_000)
    assert loudness(str(file)) == "00"


@pytest.mark.parametrize("name", ["none.wav", "text.wav", "", "."])
def test_audio_that_cannot_be_read_has_no_loudness(tmp_path, name):
    (tmp_path / "text.wav").write_text("no audio")
    assert loudness(str(tmp_path / name) if name else name) == ""


def test_a_link_is_relative_to_the_page_and_an_address(tmp_path):
    audio = tmp_path / "my talks" / "a #1?.wav"
    audio.parent.mkdir()
    audio.write_bytes(b"")
    assert audio_link(str(audio), tmp_path / "outputs" / "sweep") == "../../my%20talks/a%20%231%3F.wav"
    assert audio_link(str(audio), audio.parent) == "a%20%231%3F.wav"


@pytest.mark.parametrize("name", ["none.wav", "", "."])
def test_what_is_no_file_has_no_link(tmp_path, name):
    assert audio_link(str(tmp_path / name) if name else name, tmp_path) is None
