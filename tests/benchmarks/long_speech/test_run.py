"""The whole way of the benchmark, in miniature: play, be killed, go on, report; and the peer beside ours."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch

from agents.alignatt_agent import AlignAttPolicy
from agents.engine import StreamingEngine
from agents.history import HistoryOptions
from benchmarks.long_speech import report, run
from benchmarks.long_speech.make_stream import main as make_stream
from benchmarks.long_speech.redecoding import Redecoding
from benchmarks.long_speech.stream_files import read_stream
from benchmarks.long_speech.systems import read_systems
from foundation.errors import InputError
from models.decoding.options import SearchOptions
from models.languages import LanguagePair
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.benchmarks.long_speech.bass_like import write_bass_like
from tests.models.tiny_whisper import write_tiny_whisper

TABLES = ("summary", "cost", "by_time", "peer", "memory", "nobody")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, speech):
    """A stream of half a minute, a tiny model, and a file of two systems."""
    folder = tmp_path_factory.mktemp("long_speech")
    lines = [speech[start : start + 24_000] for start in range(0, 96_000, 24_000)] * 5
    write_bass_like(folder / "bass", lines, rate=16_000)
    flags = ("--minutes", "0.5", "--repeated-s", "10", "--utterance-s", "2", "4", "--groups", "5")
    assert make_stream(["--bass", str(folder / "bass"), "--output", str(folder / "stream"), *flags]) == 0
    # With these weights words are written in most chunks.
    write_tiny_whisper(folder / "tiny", width=64, heads=2, seed=4)
    (folder / "systems.yaml").write_text(
        f"model: {folder / 'tiny'}\n"
        "history: pauses\n"
        "chunk_ms: 1000\n"
        "redecoding_beside: attending\n"
        "systems:\n"
        "  attending: {agent: alignatt}\n"
        "  agreeing: {agent: local_agreement, window_s: 10}\n"
    )
    return folder


def options(folder, **more):
    values = {"stream": folder / "stream", "output": folder / "runs", "systems": folder / "systems.yaml"}
    return run.RunOptions(**values | more)


@pytest.fixture(scope="module")
def runs(folder):
    """Both systems measured in this process."""
    chosen, threads = options(folder), torch.get_num_threads()
    try:
        for system in read_systems(chosen.systems, read_stream(chosen.stream)):
            run.measure(system, chosen)
    finally:
        torch.set_num_threads(threads)
    return chosen.output


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_chunk_is_written_down_with_its_cost(runs):
    for name in ("attending", "agreeing"):
        chunks = lines(runs / name / "stream.jsonl")
        assert [one["heard_ms"] for one in chunks] == [1000.0 * (place + 1) for place in range(30)]
        assert all(one["wall_ms"] > 0 for one in chunks)
        assert "".join(one["text"] for one in chunks).split()
        assert chunks[0]["resident_mib"] > 50 and sum("resident_mib" in one for one in chunks) == 1
        # The peer hears the first minute, beside one system.
        assert sum("peer_cpu_ms" in one for one in chunks) == (30 if name == "attending" else 0)


def test_every_segment_is_played_by_itself(runs, folder):
    segments = read_stream(folder / "stream").segments
    played = lines(runs / "attending" / "segments.jsonl")
    assert [one["id"] for one in played] == [one.id for one in segments]
    for segment, one in zip(segments, played, strict=True):
        assert one["chunks"][-1]["heard_ms"] == pytest.approx(1000 * segment.duration_s, abs=0.1)


def test_a_run_goes_on_where_it_was_killed(runs, folder, tmp_path):
    shutil.copytree(runs, tmp_path / "runs")
    killed = tmp_path / "runs" / "agreeing"
    whole = (killed / "segments.jsonl").read_bytes()
    (killed / "segments.jsonl").write_bytes(whole[: len(whole) // 2])
    stream = (killed / "stream.jsonl").read_bytes()
    chosen = options(folder, output=tmp_path / "runs", only=("agreeing",))
    [system] = read_systems(chosen.systems, read_stream(chosen.stream), chosen.only)
    run.measure(system, chosen)

    def texts(content):
        played = [json.loads(line) for line in content.splitlines()]
        return [[chunk["text"] for chunk in one["chunks"]] for one in played]

    assert texts((killed / "segments.jsonl").read_bytes()) == texts(whole)
    assert (killed / "stream.jsonl").read_bytes() == stream


def test_a_run_of_other_settings_is_refused(runs, folder):
    chosen = options(folder, threads=2)
    [system] = read_systems(chosen.systems, read_stream(chosen.stream), ("agreeing",))
    with pytest.raises(InputError, match="holds a run of other settings"):
        run.measure(system, chosen)


def test_report_has_a_row_for_each_system(runs, folder, capsys):
    command = ["--stream", str(folder / "stream"), "--runs", str(runs), "--output", str(folder / "report")]
    assert report.main(command) == 0
    tables = {name: rows(folder / "report" / f"{name}.tsv") for name in TABLES}
    for name in ("summary", "cost", "memory"):
        assert [row["system"] for row in tables[name]] == ["agreeing", "attending"]
    assert [row["system"] for row in tables["peer"]] == ["attending", "attending"]
    assert float(tables["peer"][0]["ratio"]) > 0
    assert {row["kind"] for row in tables["nobody"]} == {
        one.kind for one in read_stream(folder / "stream").nobody
    }
    assert (folder / "report" / "long_speech.png").stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert "WER" in printed and "windows with a loop: " in printed


def test_peer_writes_what_our_agent_writes_in_the_full_window(folder, speech):
    """Before the window is full, and without our search's limits, both are AlignAtt on the same audio."""
    translator = load_translator(str(folder / "tiny"), TranslatorOptions(trailing_silence_ms=30_000))
    search = SearchOptions(
        repeated_phrase=0,
        blocked_ngram=0,
        maximum_words_per_second=1000.0,
        maximum_tokens_per_second=1000.0,
    )
    engine = StreamingEngine(translator, search, history=HistoryOptions("none"))
    languages = LanguagePair("en", "en")
    ours, peer = engine.open_stream(AlignAttPolicy(10), languages), Redecoding(translator, languages, 10)
    written = []
    for chunk in np.split(speech[:96_000], 6):
        ours.audio.append(chunk, 16_000)
        [decision] = engine.step([ours])
        written.append((decision.text, peer.step(chunk)))
    assert len("".join(text for text, _ in written).split()) > 3
    assert [one for one, _ in written] == [other for _, other in written]


def test_peer_forgets_audio_with_the_text_that_was_written_at_it(folder, speech):
    translator = load_translator(str(folder / "tiny"), TranslatorOptions(trailing_silence_ms=30_000))
    encoded, prefixes = [], []
    encode, start = translator.encode, translator.start

    def heard(sounds):
        encoded.extend(map(len, sounds))
        return encode(sounds)

    def started(memory, some, **more):
        prefixes.extend(some)
        return start(memory, some, **more)

    translator.encode, translator.start = heard, started
    peer = Redecoding(translator, LanguagePair("en", "en"), 10)
    texts = [peer.step(speech[:96_000]) for _ in range(7)]
    # Five pieces of 6 s fit into the window of 30 s.
    assert encoded == [96_000 * count for count in (1, 2, 3, 4, 5, 5, 5)]
    assert all(texts[:2]) and len(prefixes[-1]) > len(prefixes[0])
    assert all(len(prefix) <= translator.maximum_tokens - 20 for prefix in prefixes)


@pytest.mark.parametrize(
    "content, message",
    [
        (
            "systems: {one: {agent: alignat}}",
            "system one: there is no agent 'alignat': did you mean 'alignatt'",
        ),
        ("systems: {one: {agent: waitk, kk: 3}}", "system one: there is no option 'kk'"),
        (
            "systems: {one: {agent: waitk}}\nredecoding_beside: on",
            "no system in .* True|no system in .* 'on'",
        ),
        ("agent: waitk", "systems must hold lines of the form"),
    ],
)
def test_systems_that_cannot_be_are_told_before_hours_are_spent(folder, tmp_path, content, message):
    (tmp_path / "systems.yaml").write_text(content)
    with pytest.raises(InputError, match=message):
        read_systems(tmp_path / "systems.yaml", read_stream(folder / "stream"))


@pytest.mark.parametrize("name", ["systems.yaml", "passage.yaml"])
def test_shipped_systems_can_be_read(folder, name):
    path = run.RunOptions(folder / "stream", folder / "runs").systems.with_name(name)
    systems = read_systems(path, read_stream(folder / "stream"))
    assert {one.on_stream().agent_options.model for one in systems} == {
        "openai/whisper-tiny.en",
        "reina-mini",
    }
    assert all(one.on_segments().values()["history"] == "none" for one in systems)
    assert [one.name for one in systems if one.with_peer] == ["tiny.en-alignatt"] * (name == "systems.yaml")


def test_command_names_what_is_missing(tmp_path, capsys):
    assert run.main(["--stream", str(tmp_path / "none"), "--output", str(tmp_path / "runs")]) == 1
    assert "stream.yaml does not exist" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
