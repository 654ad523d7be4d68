"""The stream is what its tables say, sample by sample."""

import csv

import numpy as np
import pytest
import soundfile
import yaml

from benchmarks.long_speech.make_stream import main
from benchmarks.long_speech.sounds import at_level, level_db, render
from benchmarks.long_speech.stream_files import read_stream
from benchmarks.long_speech.trim import without_silence
from models.sound.audio import read_audio
from tests.benchmarks.long_speech.bass_like import bursts, write_bass_like

SHORT = (
    "--minutes",
    "3",
    "--repeated-s",
    "50",
    "--utterance-s",
    "2",
    "4",
    "--groups",
    "5",
    "6",
    "7",
    "8",
    "9",
)
STEP = 2**-15  # of 16 bits


@pytest.fixture(scope="module")
def bass(tmp_path_factory):
    return write_bass_like(tmp_path_factory.mktemp("bass") / "bass", bursts(100))


@pytest.fixture(scope="module")
def stream(bass, tmp_path_factory):
    output = tmp_path_factory.mktemp("streams") / "long"
    assert main(["--bass", str(bass), "--output", str(output), *SHORT]) == 0
    return read_stream(output)


@pytest.fixture(scope="module")
def samples(stream):
    found, rate = soundfile.read(stream.audio, dtype="float32")
    assert rate == 16_000
    return found


def between(samples, one):
    return samples[round(16_000 * one.offset_s) : round(16_000 * one.end_s)]


def test_length_is_exact_and_the_end_is_the_beginning(samples):
    assert len(samples) == 180 * 16_000
    assert np.array_equal(samples[: 50 * 16_000], samples[-50 * 16_000 :])
    assert not np.array_equal(samples[: 50 * 16_000], samples[50 * 16_000 : 100 * 16_000])


def test_segments_hold_their_lines(stream, samples, bass):
    for segment in stream.segments:
        members = segment.members.split()
        assert 2 <= segment.duration_s <= 4
        for member, at in ((members[0], slice(None, 8000)), (members[-1], slice(-8000, None))):
            line = read_audio(bass / "flac" / f"{member}.flac")
            assert np.abs(between(samples, segment)[at] - line[at]).max() <= STEP
        assert segment.texts["en"] == " ".join(f"Line {int(name[-4:])}, it is." for name in members)
        # Consecutive lines of one section.
        assert len({name[:6] for name in members}) == 1
        numbers = [int(name[-4:]) for name in members]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_everywhere_else_nobody_speaks(stream):
    edges = sorted((round(16_000 * one.offset_s), round(16_000 * one.end_s)) for one in stream.segments)
    free = sorted((round(16_000 * one.offset_s), round(16_000 * one.end_s)) for one in stream.nobody)
    covered = sorted([*edges, *free])
    assert covered[0][0] == 0 and covered[-1][1] == 180 * 16_000
    assert all(before[1] == after[0] for before, after in zip(covered[:-1], covered[1:], strict=True))


def test_each_line_is_heard_once_but_for_the_repeated_part(stream):
    members = [name for one in stream.segments if one.offset_s < 130 for name in one.members.split()]
    assert len(members) == len(set(members)) > 20
    first = [one.members for one in stream.segments if one.end_s <= 50]
    assert [one.members for one in stream.segments if one.offset_s >= 130] == first


def test_kinds_sound_as_they_are_called(stream, samples):
    kinds = {one.kind for one in stream.nobody}
    assert kinds >= {"babble", "chords", "noise", "silence", "pause"}
    for one in stream.nobody:
        if one.kind in ("silence", "pause"):
            assert not between(samples, one).any()
        elif one.kind != "faint":
            assert level_db(between(samples, one)) < stream.about["speech_db"] - 9


def test_lists_agree(stream):
    times = yaml.safe_load((stream.folder / "segments.yaml").read_text())
    assert [one["offset"] for one in times] == [round(one.offset_s, 6) for one in stream.segments]
    assert times[0]["wav"] == "stream.flac"
    for language in ("en", "de"):
        lines = (stream.folder / f"target.{language}.txt").read_text().splitlines()
        assert lines == stream.references(language)
    with (stream.folder / "nobody.tsv").open() as file:
        assert len(list(csv.reader(file, delimiter="\t"))) == len(stream.nobody) + 1


def test_the_same_command_makes_the_same_stream(stream, bass, tmp_path):
    assert main(["--bass", str(bass), "--output", str(tmp_path / "again"), *SHORT]) == 0
    for file in stream.folder.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()


def test_passage_has_no_pause(bass, tmp_path):
    command = ["--bass", str(bass), "--output", str(tmp_path / "passage"), "--passage", "--minutes", "0.5"]
    assert main([*command, "--utterance-s", "2", "4", "--groups", "5", "6", "7"]) == 0
    passage = read_stream(tmp_path / "passage")
    samples = between(soundfile.read(passage.audio, dtype="float32")[0], passage.segments[0])
    for one in passage.segments[1:]:
        samples = np.append(samples, between(soundfile.read(passage.audio, dtype="float32")[0], one))
    [end] = passage.nobody
    assert end.kind == "pause" and end.end_s == 30
    assert passage.segments[-1].end_s == pytest.approx(end.offset_s, abs=1e-3)
    # 30 ms at most lie between two lines, and the resampler's ripples are no speech.
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    assert np.diff(loud).max() <= 0.031 * 16_000


def test_silence_goes_from_both_ends_and_from_within():
    speech = np.random.default_rng(0).normal(0, 0.1, 4800).astype(np.float32)  # 0.3 s
    quiet = np.zeros(16_000, np.float32)
    short = np.zeros(1600, np.float32)
    line = np.concatenate([quiet, speech, quiet, speech, short, speech, quiet])
    # 10 ms at the end, 0.2 s of the second within, and all of a tenth of a second.
    assert len(without_silence(line)) == 3 * 4800 + 160 + 3200 + 1600
    assert len(without_silence(quiet)) == len(without_silence(quiet[:0])) == 0


def test_sounds_have_their_level_and_come_again():
    noise = render("noise", 16_000, 3, [], -12.0)
    assert level_db(noise) == pytest.approx(-32.0, abs=0.01)
    assert np.array_equal(noise, render("noise", 16_000, 3, [], -12.0))
    assert not np.array_equal(noise, render("noise", 16_000, 4, [], -12.0))
    assert level_db(render("chords", 48_000, 1, [], -12.0)) == pytest.approx(-24.0, abs=0.01)
    assert level_db(render("faint", 16_000, 1, [], -12.0)) == pytest.approx(-66.0, abs=0.01)
    assert not render("silence", 100, 1, [], -12.0).any()
    assert level_db(at_level(np.array([1.0, -1.0]), -6.0)) == pytest.approx(-6.0, abs=1e-4)


@pytest.mark.parametrize(
    "flags, message",
    [
        (("--minutes", "60", "--groups", "5"), "do not suffice for so long a stream"),
        (("--minutes", "1", "--repeated-s", "30"), "the first 30 s cannot be the last ones"),
        (("--utterance-s", "9", "3"), "got 9 to 3 s"),
        (("--groups", "4"), "no id has the group '4'"),
    ],
)
def test_what_cannot_be_made_is_told_in_one_line(bass, tmp_path, capsys, flags, message):
    assert main(["--bass", str(bass), "--output", str(tmp_path / "none"), *flags]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
