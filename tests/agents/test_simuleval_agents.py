"""The six agents through real SimulEval, on a random tiny Whisper and generated audio."""

import sys
from argparse import ArgumentParser

import numpy as np
import pytest
import soundfile
from simuleval.options import add_evaluator_args

from agents.offline_agent import OfflineAgent
from models.sound.audio import read_audio
from tests.agents.simuleval_run import run_simuleval, simuleval_command
from tests.models.tiny_whisper import write_tiny_whisper

AGENTS = {
    "offline": [],
    "waitk": ["--k", 1, "--step-ms", 300],
    "local_agreement": [],
    "holdn": ["--held-tokens", 1],
    "edatt": ["--alpha", 0.9],
    "alignatt": ["--recent-frames", 2],
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_whisper(tmp_path_factory.mktemp("model") / "whisper", seed=3, trailing_silence_ms=0)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Three clips of different length: noise that changes, so that the model says different things."""
    folder = tmp_path_factory.mktemp("clips")
    for name, seconds in (("a", 2.2), ("b", 0.9), ("c", 1.513)):
        generator = np.random.default_rng(ord(name))
        samples = generator.normal(0, 0.1, round(16_000 * seconds)) * np.sin(
            np.linspace(0, 9, round(16_000 * seconds))
        )
        soundfile.write(folder / f"{name}.wav", samples, 16_000, subtype="FLOAT")
    return folder


def test_set(folder, names, references=None):
    source, target = folder / f"source-{'-'.join(names)}.txt", folder / f"target-{'-'.join(names)}.txt"
    source.write_text("".join(f"{folder / name}.wav\n" for name in names))
    target.write_text(
        "".join(f"{line}\n" for line in references or [f"reference of {name}" for name in names])
    )
    return ["--source", source, "--target", target]


test_set.__test__ = False


def by_clip(log):
    """Prediction and delays of each reference, whatever its place in the list."""
    return {line["reference"]: (line["prediction"], line["delays"]) for line in log}


@pytest.mark.parametrize("agent", AGENTS)
def test_nothing_leaks_from_one_utterance_to_the_next(agent, model, clips, tmp_path, monkeypatch):
    arguments = ["--agent", f"agents/{agent}_agent.py", "--model", model, "--chunk-ms", 300, *AGENTS[agent]]
    logs = [
        run_simuleval(monkeypatch, tmp_path / "".join(names), *arguments, *test_set(clips, names))
        for names in (["a", "b", "c"], ["c", "b", "a"])
    ]
    assert by_clip(logs[0]) == by_clip(logs[1])
    for line in logs[0]:
        assert line["prediction"], "the random model of this seed always says something"
        assert len(line["delays"]) == len(line["prediction"].split())
        assert line["delays"] == sorted(line["delays"])
        # Delays are whole chunks, or the audio's end.
        assert all(delay % 300 == 0 or delay == line["source_length"] for delay in line["delays"])
    if agent == "offline":
        assert all(delay == line["source_length"] for line in logs[0] for delay in line["delays"])
    else:
        assert any(line["delays"][0] < line["source_length"] for line in logs[0])


def test_agent_class_needs_no_file(model, clips, tmp_path, monkeypatch):
    options = ["--model", model, "--chunk-ms", 300, *test_set(clips, ["a", "b"])]
    by_file = run_simuleval(monkeypatch, tmp_path / "1", "--agent", "agents/holdn_agent.py", *options)
    by_class = run_simuleval(
        monkeypatch, tmp_path / "2", "--agent-class", "agents.holdn_agent.HoldNAgent", *options
    )
    assert by_clip(by_file) == by_clip(by_class)


def test_finer_segments_change_nothing(model, clips, tmp_path, monkeypatch):
    """SimulEval may deliver audio in any pieces; decisions are taken once a chunk."""
    options = ["--agent", "agents/holdn_agent.py", "--model", model, "--chunk-ms", 300]
    whole = run_simuleval(monkeypatch, tmp_path / "1", *options, *test_set(clips, ["a", "c"]))
    pieces = run_simuleval(
        monkeypatch, tmp_path / "2", *options, *test_set(clips, ["a", "c"]), "--source-segment-size", 60
    )
    assert by_clip(whole) == by_clip(pieces)


@pytest.mark.parametrize("sample_rate, channels", [(44_100, 2), (8_000, 1), (16_000, 3)])
def test_other_rates_and_channels_are_converted(sample_rate, channels, model, clips, tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    samples = generator.normal(0, 0.1, (2 * sample_rate, channels))
    soundfile.write(tmp_path / "raw.wav", samples, sample_rate, subtype="FLOAT")
    soundfile.write(tmp_path / "converted.wav", read_audio(tmp_path / "raw.wav"), 16_000, subtype="FLOAT")
    options = ["--agent", "agents/offline_agent.py", "--model", model]
    raw, converted = run_simuleval(
        monkeypatch, tmp_path / "out", *options, *test_set(tmp_path, ["raw", "converted"])
    )
    assert raw["prediction"] == converted["prediction"]


def test_languages_without_spaces_are_emitted_in_characters(model, clips, tmp_path, monkeypatch):
    options = ["--agent", "agents/holdn_agent.py", "--model", model, "--chunk-ms", 300, "--held-tokens", 1]
    languages = ["--source-language", "zh", "--target-language", "zh", "--eval-latency-unit", "char"]
    log = run_simuleval(monkeypatch, tmp_path / "out", *options, *languages, *test_set(clips, ["a", "b"]))
    for line in log:
        assert len(line["delays"]) == line["prediction_length"] > 0
        assert "\N{REPLACEMENT CHARACTER}" not in line["prediction"]


def scores_of(folder):
    names, values = (line.split("\t") for line in (folder / "scores.tsv").read_text().splitlines())
    return dict(zip(names, values, strict=True))


@pytest.mark.parametrize("language", ["zh", "zh_TW", "Chinese"])
def test_characters_are_counted_without_being_told(language, model, clips, tmp_path, monkeypatch):
    lists = test_set(clips, ["a", "b"], references=["我爱你们大家", "今天天气很好"])
    options = ["--agent", "agents/holdn_agent.py", "--model", model, "--chunk-ms", 300, "--held-tokens", 1]
    options += ["--source-language", language, "--target-language", language, *lists]
    told = ["--eval-latency-unit", "char", "--sacrebleu-tokenizer", "zh"]
    log = run_simuleval(monkeypatch, tmp_path / "untold", *options)
    assert all(len(line["delays"]) == len(line["prediction"]) > 0 for line in log)
    assert by_clip(log) == by_clip(run_simuleval(monkeypatch, tmp_path / "told", *options, *told))
    assert scores_of(tmp_path / "untold") == scores_of(tmp_path / "told")


def test_lists_and_output_may_begin_with_the_home_folder(model, clips, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.wav").write_bytes((clips / "a.wav").read_bytes())
    (tmp_path / "source.txt").write_text("~/a.wav\n")
    (tmp_path / "target.txt").write_text("reference of a\n")
    run_simuleval(
        monkeypatch, tmp_path / "out", "--agent", "agents/offline_agent.py", "--model", model,
        "--source", "~/source.txt", "--target", "~/target.txt",
    )  # fmt: skip
    chosen = ["simuleval", "--output=~/out"]
    monkeypatch.setattr(sys, "argv", chosen)
    parser = ArgumentParser(conflict_handler="resolve")
    add_evaluator_args(parser)
    OfflineAgent.add_args(parser)
    assert parser.parse_args(chosen[1:]).output == f"{tmp_path}/out"
    assert parser.parse_args([]).output is None


def broken(folder, name, content=b""):
    (folder / f"{name}.wav").write_bytes(content)
    return [name]


def long_audio(folder):
    soundfile.write(folder / "long.wav", np.zeros(31 * 16_000), 16_000)
    return ["long"]


def cut_short(folder):
    """A FLAC file whose header promises more than follows; only decoding it tells."""
    samples = np.random.default_rng(0).normal(0, 0.1, 32_000)
    soundfile.write(folder / "cut.wav", samples, 16_000, format="FLAC")
    content = (folder / "cut.wav").read_bytes()
    (folder / "cut.wav").write_bytes(content[: len(content) // 2])
    return ["cut"]


def no_samples(folder):
    soundfile.write(folder / "none.wav", np.zeros(0), 16_000)
    return ["none"]


BAD_AUDIO = {
    "missing": (lambda folder: ["nowhere"], "nowhere.wav: no such file"),
    "empty file": (lambda folder: broken(folder, "zero"), "zero.wav is an empty file"),
    "no samples": (no_samples, "none.wav has no samples"),
    "not audio": (lambda folder: broken(folder, "text", b"this is not audio"), "text.wav is not audio"),
    "cut short": (cut_short, "cut.wav"),
    "too long": (long_audio, "long.wav is 31.0 s long, but the model hears at most 30 s"),
}


@pytest.mark.parametrize("case", BAD_AUDIO)
def test_bad_audio_stops_before_anything_is_written(case, model, clips, tmp_path, monkeypatch):
    make, message = BAD_AUDIO[case]
    options = ["--agent", "agents/offline_agent.py", "--model", model, "--history", "none"]
    with pytest.raises(SystemExit) as stop:
        run_simuleval(monkeypatch, tmp_path / "out", *options, *test_set(tmp_path, make(tmp_path)))
    assert message in stop.value.code and "1 of 1 files" in stop.value.code
    assert not (tmp_path / "out").exists()


def test_all_bad_files_are_named_at_once(model, tmp_path, monkeypatch):
    names = [f"gone{number}" for number in range(12)]
    with pytest.raises(SystemExit) as stop:
        run_simuleval(
            monkeypatch, tmp_path / "out", "--agent", "agents/offline_agent.py", "--model", model,
            *test_set(tmp_path, names),
        )  # fmt: skip
    assert "12 of 12 files" in stop.value.code and "gone9.wav" in stop.value.code
    assert "and 2 more" in stop.value.code


BAD_OPTIONS = {
    "unknown source language": (["--source-language", "klingon"], "language 'klingon' is not known"),
    "impossible pair": (["--target-language", "de"], "cannot translate 'en' into 'de'"),
    "no such model": (["--model", "no/such/model"], "no/such/model"),
    "no k": (["--k", "0"], "--k must be at least 1, got 0"),
    "too many beams": (["--beam", "100000"], "--beam must be at most 256, got 100000"),
    "no beam": (["--beam", "0"], "--beam must be at least 1, got 0"),
    "no device": (["--device", "abacus"], "device 'abacus' cannot be used here"),
    "missing list": (["--source", "nowhere.txt"], "--source nowhere.txt does not exist"),
    "missing references": (["--target", "nowhere.txt"], "--target nowhere.txt does not exist"),
    "words of Chinese": (
        ["--target-language", "zh", "--eval-latency-unit", "word"],
        "counts a sentence of Chin",
    ),
    "13a of Chinese": (
        ["--target-language", "zh", "--sacrebleu-tokenizer", "13a"],
        "13a finds no words in Chin",
    ),
    "spaceless German": (["--target-language", "de", "--eval-latency-unit", "char"], "takes the spaces out"),
    "chunk": (["--chunk-ms", "0"], "--chunk-ms must be at least 1, got 0"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_options_stop_before_anything_is_written(case, model, clips, tmp_path, monkeypatch):
    changes, message = BAD_OPTIONS[case]
    options = ["--agent", "agents/waitk_agent.py", "--model", model, *test_set(clips, ["a"]), *changes]
    with pytest.raises(SystemExit) as stop:
        run_simuleval(monkeypatch, tmp_path / "out", *options)
    assert message in stop.value.code
    assert not (tmp_path / "out").exists()


def test_lists_of_different_length_are_refused(model, clips, tmp_path, monkeypatch):
    lists = test_set(clips, ["a", "b"], references=["only one"])
    with pytest.raises(SystemExit, match="lists 2 audio files but .* has 1 references"):
        run_simuleval(
            monkeypatch, tmp_path / "out", "--agent", "agents/offline_agent.py", "--model", model, *lists
        )
    assert not (tmp_path / "out").exists()


def test_command_ends_with_one_line_and_status_1(clips, tmp_path):
    (tmp_path / "empty").mkdir()
    finished = simuleval_command(
        "--agent", "agents/offline_agent.py", "--model", tmp_path / "empty", "--output", tmp_path / "out",
        *test_set(clips, ["a"]),
    )  # fmt: skip
    assert finished.returncode == 1
    assert "Traceback" not in finished.stderr
    [line] = [line for line in finished.stderr.splitlines() if line.startswith("error:")]
    assert "holds no weights" in line
    assert not (tmp_path / "out").exists()
