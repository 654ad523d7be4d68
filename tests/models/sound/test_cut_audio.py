"""Files of any format that were cut off, streamed, or are no audio at all."""

import numpy as np
import pytest
import soundfile

from foundation.errors import InputError
from models.sound.audio import check_audio_file, decoded_duration_s, read_audio
from models.sound.audio_source import open_source

FORMATS = [
    ("wav", "WAV", "PCM_16"),
    ("wav", "WAVEX", "PCM_24"),
    ("wav", "WAV", "FLOAT"),
    ("wav", "RF64", "PCM_16"),
    ("w64", "W64", "PCM_16"),
    ("aiff", "AIFF", "PCM_16"),
    ("au", "AU", "PCM_16"),
    ("ogg", "OGG", "VORBIS"),
    ("opus", "OGG", "OPUS"),
    ("mp3", "MP3", "MPEG_LAYER_III"),
    ("flac", "FLAC", "PCM_16"),
]


def write_noise(file, audio_format: str, subtype: str, seconds: float = 3.0) -> bytes:
    noise = np.random.default_rng(0).normal(0, 0.1, round(16_000 * seconds))
    soundfile.write(file, noise, 16_000, format=audio_format, subtype=subtype)
    return file.read_bytes()


@pytest.mark.parametrize(("ending", "audio_format", "subtype"), FORMATS)
@pytest.mark.parametrize("kept", [0.9, 0.5])
def test_a_file_of_any_format_that_was_cut_off_is_refused(tmp_path, ending, audio_format, subtype, kept):
    file = tmp_path / f"a.{ending}"
    whole = write_noise(file, audio_format, subtype)
    assert len(read_audio(file)) == 48_000 and check_audio_file(file, maximum_s=30) == 3.0
    file.write_bytes(whole[: round(kept * len(whole))])
    with pytest.raises(InputError, match=f"a.{ending} is (cut off|damaged).*(copy|encode)") as refused:
        read_audio(file)
    assert "\n" not in str(refused.value)
    if ending not in ("mp3", "flac"):  # what their samples tell only
        with pytest.raises(InputError, match=f"a.{ending} is cut off"):
            check_audio_file(file, maximum_s=30)


@pytest.mark.parametrize(
    ("ending", "kept", "message"),
    [
        ("wav", 40_044, " (its header announces 96000 bytes of audio, 40000 are there): copy"),
        ("mp3", 6_156, ": its header announces 3.00 s, 1.41 s are there; copy"),
        ("ogg", 8_805, " (its last page is incomplete): copy"),
    ],
)
def test_what_is_lacking_is_told(tmp_path, ending, kept, message):
    file = tmp_path / f"a.{ending}"
    file.write_bytes(write_noise(file, ending.upper(), None)[:kept])
    with pytest.raises(InputError) as refused:
        read_audio(file)
    assert str(refused.value) == f"{file} is cut off{message} or encode it again"


def test_an_mp3_that_was_cut_off_does_not_end_in_echoes(tmp_path):
    """soundfile's `blocks` repeats the last one up to the announced length: 48,000 samples, all heard."""
    file = tmp_path / "a.mp3"
    file.write_bytes(write_noise(file, "MP3", None)[:6_156])
    told = f"{file} is cut off: its header announces 3.00 s, 1.41 s are there; copy or encode it again"
    with pytest.raises(InputError) as refused:
        decoded_duration_s(file)
    assert str(refused.value) == told
    heard, blocks = 0, open_source(file).blocks()
    with pytest.raises(InputError) as refused:
        for block, _ in blocks:
            heard += len(block)
    assert str(refused.value) == told
    assert heard / 16_000 == pytest.approx(1.41, abs=0.005)


def test_an_ogg_file_that_ends_between_two_pages_is_refused(tmp_path):
    whole = write_noise(tmp_path / "a.ogg", "OGG", "VORBIS")
    (tmp_path / "a.ogg").write_bytes(whole[: whole.rindex(b"OggS")])
    with pytest.raises(InputError, match="its last page is not marked as the last"):
        read_audio(tmp_path / "a.ogg")


@pytest.mark.parametrize("size", [0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000])
def test_a_wav_that_was_streamed_does_not_know_its_length_and_is_heard(tmp_path, size):
    whole = bytearray(write_noise(tmp_path / "a.wav", "WAV", "PCM_16"))
    whole[4:8] = min(0xFFFF_FFFF, size + 36).to_bytes(4, "little")
    whole[40:44] = size.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(whole)
    assert len(read_audio(tmp_path / "a.wav")) == 48_000


def test_an_au_that_was_streamed_is_heard(tmp_path):
    whole = bytearray(write_noise(tmp_path / "a.au", "AU", "PCM_16"))
    whole[8:12] = b"\xff\xff\xff\xff"
    (tmp_path / "a.au").write_bytes(whole)
    assert len(read_audio(tmp_path / "a.au")) == 48_000


@pytest.mark.parametrize("name", ["a.au", "a.snd", "a.vox", "a.gsm"])
def test_any_bytes_are_no_audio_whatever_their_name(tmp_path, name):
    (tmp_path / name).write_bytes(np.random.default_rng(0).bytes(20_000))
    for read in (lambda path: check_audio_file(path, maximum_s=30), read_audio):
        with pytest.raises(InputError, match=f"{name} is not audio that can be read"):
            read(tmp_path / name)
