"""Distorted clips: each way against what it promises, and a command whose draws depend on ids alone."""

import random

import numpy as np
import pytest
import soundfile

from models.sound.audio import read_audio
from train.data.manifest import Row, read_manifest, write_manifest
from train.prepare import main
from train.prepare.distort import at_level, drawn_ways, in_room, limited, over_telephone, with_noise

SECOND = np.arange(16_000) / 16_000


def tone(hertz, seconds=1):
    return np.sin(2 * np.pi * hertz * np.tile(SECOND, seconds)).astype(np.float32)


@pytest.fixture
def clips(tmp_path):
    """Forty clips of one second, c00 to c39."""
    rows = []
    for number in range(40):
        soundfile.write(tmp_path / f"c{number:02d}.wav", 0.3 * tone(200 + 20 * number), 16_000)
        rows.append(Row(f"c{number:02d}", {"en": f"Clip {number}."}, tmp_path / f"c{number:02d}.wav", 1.0))
    write_manifest(tmp_path / "m.tsv", rows, ["en"])
    return tmp_path


def distort(clips, name, *options):
    words = ["--manifest", clips / "m.tsv", "--output", clips / name, "--jobs", 1, *options]
    assert main(["distort", *map(str, words)]) == 0
    return read_manifest(clips / name / "manifest.tsv").rows


def test_noise_lies_so_far_below_the_speech(clips):
    speech = 0.3 * tone(300)
    babble = [clips / "c05.wav", clips / "c06.wav"]
    for seed in range(20):
        draw = random.Random(seed)
        kind, below_db = draw.choice(("white", "pink", "babble")), draw.uniform(3.0, 30.0)
        noise = with_noise(speech, random.Random(seed), babble) - speech
        if kind == "babble":
            below_db = max(below_db, 10.0)
        measured = 10 * np.log10(np.square(speech).mean() / np.square(noise).mean())
        assert measured == pytest.approx(below_db, abs=0.01)


def test_pink_noise_falls_by_three_decibels_an_octave():
    kinds = ("white", "pink", "babble")
    seed = next(seed for seed in range(50) if random.Random(seed).choice(kinds) == "pink")
    speech = tone(300, 10)
    power = np.square(np.abs(np.fft.rfft(with_noise(speech, random.Random(seed), []) - speech)))
    # Ten bins a hertz; away from where the speech is.
    octaves = [power[10 * low : 20 * low].mean() for low in (500, 1000, 2000, 4000)]
    falls_db = 10 * np.log10(np.divide(octaves[:-1], octaves[1:]))
    assert falls_db == pytest.approx([3, 3, 3], abs=0.3)


def test_the_telephone_cuts_what_lies_outside_its_band():
    for hertz, passes in ((100, False), (280, False), (320, True), (3300, True), (3500, False)):
        heard = over_telephone(tone(hertz), random.Random(0), [])
        assert np.square(heard).mean() == pytest.approx(0.5 if passes else 0.0, abs=1e-6)


def test_a_room_answers_a_click_with_a_decay_of_sixty_decibels():
    click = np.zeros(16_000)
    click[0] = 1.0
    heard = in_room(click, random.Random(3), [])
    decay = round(random.Random(3).uniform(0.15, 0.7) * 16_000)
    assert heard[0] == pytest.approx(1.0)
    assert np.abs(heard[decay:]).max() < 1e-9
    tail = np.square(heard[1:decay])
    assert 0.05 <= tail.sum() <= 0.5
    third = decay // 3
    fall_db = 10 * np.log10(tail[:third].mean() / tail[-third:].mean())
    assert fall_db == pytest.approx(40, abs=2)  # two thirds of 60


def test_levels_are_bounded_and_nothing_is_clipped():
    levels = [20 * np.log10(np.abs(at_level(tone(100), random.Random(seed), [])).max()) for seed in range(50)]
    assert -20 <= min(levels) < -15 and 3 < max(levels) <= 6
    loud = limited(2 * tone(100))
    assert np.abs(loud).max() == pytest.approx(0.99)
    assert loud == pytest.approx(0.99 * tone(100), abs=1e-3)


def test_the_share_is_that_of_changed_clips():
    ways = [drawn_ways(random.Random(seed), 0.4) for seed in range(5000)]
    assert sum(map(bool, ways)) / 5000 == pytest.approx(0.4, abs=0.02)
    order = ("room", "noise", "telephone", "level")
    assert all(way == [name for name in order if name in way] for way in ways)
    assert {len(way) for way in ways} == {0, 1, 2, 3}


def test_other_clips_stay_as_they_are_and_the_manifest_tells(clips):
    rows = distort(clips, "out", "--share", 0.5)
    assert [row.id for row in rows] == [f"c{number:02d}" for number in range(40)]
    for row in rows:
        alike = np.allclose(read_audio(row.audio), read_audio(clips / f"{row.id}.wav"), atol=1e-4)
        assert alike == (row.notes["distortion"] == "none")
        assert row.seconds == 1.0 and row.texts["en"].startswith("Clip")
    assert 10 < sum(row.notes["distortion"] != "none" for row in rows) < 30


def test_draws_depend_on_seed_and_id_alone(clips):
    first = distort(clips, "a")
    rows = read_manifest(clips / "m.tsv").rows
    write_manifest(clips / "m.tsv", rows[10:20], ["en"])
    babbled = [row.id for row in first if "noise" in row.notes["distortion"]]
    for row in distort(clips, "b"):
        assert row.notes == next(one.notes for one in first if one.id == row.id)
        if row.id not in babbled:
            assert row.audio.read_bytes() == (clips / "a" / "audio" / f"{row.id}.flac").read_bytes()
    assert [row.notes for row in distort(clips, "c", "--seed", 1)] != [row.notes for row in first[10:20]]


def test_a_clip_neither_babbles_behind_itself_nor_suffers_from_damaged_ones(clips):
    """Of three clips one is damaged: the others are distorted with each other's sound, or with noise."""
    rows = read_manifest(clips / "m.tsv").rows
    write_manifest(clips / "m.tsv", rows[:3], ["en"])
    (clips / "c01.wav").write_bytes(b"no sound")
    for seed in range(12):
        heard = distort(clips, f"out{seed}", "--share", 1, "--seed", seed)
        assert [row.id for row in heard] == ["c00", "c02"]
    kind = next(
        seed for seed in range(50) if random.Random(seed).choice(("white", "pink", "babble")) == "babble"
    )
    alone = with_noise(tone(300), random.Random(kind), []) - tone(300)
    assert np.square(alone).mean() > 0 and abs(np.corrcoef(alone, tone(300))[0, 1]) < 0.1


def test_a_manifest_without_audio_is_refused(clips, capsys):
    write_manifest(clips / "m.tsv", [Row("a", {"en": "A."})], ["en"])
    assert main(["distort", "--manifest", str(clips / "m.tsv"), "--output", str(clips / "no")]) == 1
    assert "m.tsv" in capsys.readouterr().err
    assert not (clips / "no").exists()
