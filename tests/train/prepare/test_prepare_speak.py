"""Texts are spoken by the voices that were drawn; the draw depends on seed and id alone."""

import importlib.util
import shutil
import sys

import numpy as np
import pytest
import soundfile

from foundation.errors import InputError
from models.sound.audio import read_audio
from train.data.manifest import Row, read_manifest, write_manifest
from train.prepare import main
from train.prepare.speak import Draw, SpeakOptions, draw
from train.prepare.voices import CommandVoice, open_voice

# An engine: 0.1 s for each character, at the level 0.01 x seed % 50; refuses what it is told to.
ENGINE = """
import sys, wave, struct
text_file, wav, voice, speed, seed = sys.argv[1:]
text = open(text_file, encoding="utf-8").read().rstrip("\\n")
if "mute" in text: sys.exit("no such word")
count = 0 if "silent" in text else round(800 * len(text) / float(speed))
with wave.open(wav, "wb") as file:
    file.setparams((1, 2, 8000, 0, "NONE", ""))
    file.writeframes(struct.pack("<h", 300 * (int(seed) % 50)) * count)
"""


@pytest.fixture
def engine(tmp_path):
    (tmp_path / "engine.py").write_text(ENGINE)
    return f"{sys.executable} {tmp_path / 'engine.py'} {{text_file}} {{wav}} {{voice}} {{speed}} {{seed}}"


@pytest.fixture
def command(tmp_path, engine):
    texts = {"a": "Ein Hund.", "b": "Two dogs; $HOME 'quoted'", "c": "x" * 40, "mute": "mute", "none": ""}
    rows = [Row(name, {"en": text, "de": "-"}) for name, text in texts.items()]
    rows += [Row("silent", {"en": "silent", "de": "-"}), Row("long", {"en": "y" * 80, "de": "-"})]
    write_manifest(tmp_path / "m.tsv", rows, ["en", "de"])
    voices = ["--voices", "toy:one=3", "toy:two=1", "--commands", f"toy={engine}"]
    speeds = ["--slowest", "0.8", "--fastest", "1.25", "--maximum-s", "6"]
    files = ["--manifest", str(tmp_path / "m.tsv"), "--language", "en"]
    return ["speak", *files, *voices, *speeds, "--jobs", "1", "--output", str(tmp_path / "out")]


def options(*voices, seed=0):
    return SpeakOptions(
        manifest="m", language="en", voices=voices, output="o", slowest=0.95, fastest=1.2, seed=seed
    )


def test_draws_are_those_of_the_published_training_set():
    """Another draw would not rebuild the audio that the shipped model was trained on."""
    mixture = options("hibari=6", "flite:rms=1", "flite:awb=1")
    assert draw("multi30k_val_00000", mixture) == Draw("hibari", 1.0058729783751046, 2079225869)
    names = [draw(str(i), mixture).voice for i in range(4000)]
    assert [names.count(voice) / 4000 for voice in mixture.weights()] == pytest.approx(
        [0.75, 0.125, 0.125], abs=0.02
    )


def test_another_seed_draws_anew():
    first, second = (draw("a", options("x", "y", seed=seed)) for seed in (0, 1))
    assert first.speed != second.speed and first.seed != second.seed
    assert 0.95 <= first.speed <= 1.2


def test_texts_become_clips_with_their_voice_and_speed(tmp_path, command, capsys):
    assert main(command) == 0
    manifest = read_manifest(tmp_path / "out/manifest.tsv", needs_audio=True)
    rows = {row.id: row for row in manifest.rows}
    assert list(rows) == ["a", "b", "c"] and manifest.languages == ("en", "de")
    for name, row in rows.items():
        header = soundfile.info(row.audio)
        assert (header.samplerate, header.subtype) == (16_000, "PCM_16")
        expected = 0.1 * len(row.texts["en"]) / float(row.notes["speed"])
        assert (
            row.seconds
            == pytest.approx(expected, abs=2e-3)
            == pytest.approx(header.frames / 16_000, abs=1e-3)
        )
        drawn = draw(name, SpeakOptions("m", "en", ("toy:one=3", "toy:two"), "o", slowest=0.8, fastest=1.25))
        assert (row.notes["voice"], row.notes["speed"]) == (drawn.voice, f"{drawn.speed:.3f}")
        level = 300 * (drawn.seed % 50) / 2**15
        assert np.abs(read_audio(row.audio)[2000:-2000] - level).max() < 0.01
    skipped = (tmp_path / "out/skipped.tsv").read_text()
    reasons = {line.split("\t")[0]: line.split("\t")[1:] for line in skipped.splitlines()[1:]}
    assert reasons["none"] == ["no text in en", ""]
    assert "cannot speak it" in reasons["mute"][0] and reasons["mute"][1].endswith("status 1: no such word")
    assert "wrote no usable audio: speech.wav has no samples" in reasons["silent"][1]
    assert reasons["long"][0] == "longer than 6 s"
    assert "3 clips" in capsys.readouterr().out


@pytest.mark.parametrize("executor", ["local", "submitit-local"])
def test_processes_and_interruptions_do_not_change_the_result(tmp_path, command, monkeypatch, executor):
    if executor != "local":
        pytest.importorskip("submitit")
    assert main(command) == 0
    (tmp_path / "out").rename(tmp_path / "undisturbed")
    monkeypatch.setattr("train.prepare.speak.ROWS_AT_ONCE", 2)
    speak = CommandVoice.speak

    def interrupted(self, text, *how):
        if text.startswith("x"):
            raise KeyboardInterrupt
        return speak(self, text, *how)

    monkeypatch.setattr(CommandVoice, "speak", interrupted)
    assert main(command) == 130
    assert (tmp_path / "out.unfinished/journal.jsonl").read_text().count("\n") == 1
    monkeypatch.setattr(CommandVoice, "speak", speak)
    assert main([*command, "--jobs", "2", "--executor", executor]) == 0
    for file in ("manifest.tsv", "skipped.tsv", "audio/a.flac", "audio/c.flac"):
        assert (tmp_path / "out" / file).read_bytes() == (tmp_path / "undisturbed" / file).read_bytes()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--voices", "toy=0"], "the weight in 'toy=0' must be a number above 0"),
        (["--voices", "toy=x"], "the weight in 'toy=x' must be a number above 0"),
        (["--voices", "siri"], "voice 'siri' has no known engine: give hibari, espeak-ng, flite, toy"),
        (["--language", "fr"], "has no column 'fr': its languages are en, de"),
        (["--slowest", "2"], "--fastest must be at least 2, got 1.25"),
        (["--commands", "toy"], "--commands takes NAME=VALUE"),
        (
            ["--commands", "toy=say {wav} {text} {pitch}"],
            r"cannot be filled ('pitch'): its places are {text}",
        ),
        (["--commands", "toy=say {text}"], "lacks {wav}"),
        (["--commands", "toy=no-such-program {text} {wav}"], "no-such-program is not installed here"),
    ],
)
def test_bad_commands_are_one_line(tmp_path, command, more, message, capsys):
    assert main([*command, *more]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.unfinished").exists()


@pytest.mark.parametrize("voice", ["flite:rms", "espeak-ng:en", "hibari"])
def test_engines_that_are_known_speak_as_fast_as_they_are_told(voice):
    engine = voice.split(":")[0]
    if importlib.util.find_spec("hibari") is None if engine == "hibari" else shutil.which(engine) is None:
        pytest.skip(f"{engine} is not installed")
    speaker = open_voice(voice, {})
    text = "A man in an orange hat is looking at something."
    slow, fast = (len(speaker.speak(text, speed, 1)) / 16_000 for speed in (0.8, 1.25))
    assert 1.5 < fast < slow < 6 and slow / fast == pytest.approx(1.25 / 0.8, rel=0.2)
    assert np.array_equal(speaker.speak(text, 1.0, 7), speaker.speak(text, 1.0, 7))


def test_a_text_that_begins_with_a_dash_is_no_option_of_the_program(tmp_path):
    """Such as espeak-ng's -w, or this program's --die."""
    program = """
import argparse, wave
parser = argparse.ArgumentParser()
parser.add_argument("--die", action="store_true")
parser.add_argument("text")
parser.add_argument("wav")
given = parser.parse_args()
with wave.open(given.wav, "wb") as file:
    file.setparams((1, 2, 16_000, 0, "NONE", ""))
    file.writeframes(b"\\1\\0" * 100 * len(given.text))
"""
    (tmp_path / "say.py").write_text(program)
    voice = open_voice("say", {"say": f"{sys.executable} {tmp_path / 'say.py'} {{text}} {{wav}}"})
    assert len(voice.speak("--die", 1.0, 0)) == 600
    assert len(voice.speak("-5 degrees", 1.0, 0)) == 1100
    assert len(voice.speak("a -5", 1.0, 0)) == 400


@pytest.mark.parametrize("voice", ["flite", "espeak-ng"])
def test_engines_that_are_known_speak_a_text_that_begins_with_a_dash(voice):
    if shutil.which(voice) is None:
        pytest.skip(f"{voice} is not installed")
    speaker = open_voice(voice, {})
    for text in ("-version", "-o", "--help", "-5 degrees"):
        assert 0.3 < len(speaker.speak(text, 1.0, 0)) / 16_000 < 4, text


def test_a_voice_that_begins_with_a_dash_is_refused():
    with pytest.raises(InputError, match="voice '-x' would be an option of its program"):
        open_voice("toy:-x", {"toy": "true {voice} {text} {wav}"})


def test_line_ends_inside_a_text_are_spaces_and_other_control_characters_skip_it(tmp_path, command):
    texts = {"a": "One\u2028two\x0bthree\x85", "nul": "One\0two", "escape": "One \x1b[2J", "b": "One  two"}
    lines = [f"{name}\t{text}\t-" for name, text in texts.items()]
    (tmp_path / "m.tsv").write_text("\n".join(["id\ten\tde", *lines]) + "\n", encoding="utf-8")
    assert main([*command, "--slowest", "1", "--fastest", "1"]) == 0
    rows = read_manifest(tmp_path / "out/manifest.tsv").rows
    assert {row.id: row.seconds for row in rows} == {"a": 1.3, "b": 0.8}
    skipped = (tmp_path / "out/skipped.tsv").read_text()
    assert "InputError: the text holds the control character U+0000: take it out" in skipped
    assert "InputError: the text holds the control character U+001B: take it out" in skipped


def test_hibari_that_is_missing_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install -e '\.\[tts\]'"):
        open_voice("hibari", {})
