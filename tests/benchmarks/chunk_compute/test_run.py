"""All agents decide the same, so that the costs beside one another are of the same work."""

import csv
from contextlib import redirect_stdout
from io import StringIO

import pytest

from benchmarks.chunk_compute import ctranslate2_holdn, run
from benchmarks.chunk_compute.peers import INT8, REDECODING, TRANSFORMERS

FLOAT32 = "CTranslate2 float32"


with_ctranslate2 = pytest.mark.skipif(
    not ctranslate2_holdn.has_ctranslate2(), reason="the package ctranslate2 is not installed"
)


def start(inputs, output, *arguments):
    lists = ("--source", f"{inputs}/source.txt", "--target", f"{inputs}/target.txt")
    settings = ("--model", f"{inputs}/tiny", "--settings", f"{inputs}/settings.yaml")
    return run.main([*lists, *settings, "--output", str(output), *arguments])


@pytest.fixture(scope="module")
def printed(inputs):
    with redirect_stdout(StringIO()) as printed:
        assert start(inputs, inputs / "out") == 0
    return printed.getvalue()


@pytest.fixture(scope="module")
def output(inputs, printed):
    return inputs / "out"


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def texts(output, policy, agent):
    return [row["text"] for row in read(output / f"{policy}-texts.tsv") if row["agent"] == agent]


def test_hold_n_writes_the_same_with_every_library(output):
    ours = texts(output, "holdn", "ours, exact")
    assert len(ours) == 2
    assert all(len(text.split()) > 10 for text in ours)
    assert texts(output, "holdn", TRANSFORMERS) == ours
    [row] = [row for row in read(output / "holdn.tsv") if row["agent"] == "ours, exact"]
    assert (row["same_text"], row["WER_more"]) == ("2/2", "0.000")


@with_ctranslate2
def test_ctranslate2_begins_as_the_others_do(output):
    # Its random model knows no whole words, so that a chunk's first token may go on with the last word.
    ours, theirs = (texts(output, "holdn", name) for name in ("ours, exact", FLOAT32))
    for one, other in zip(ours, theirs, strict=True):
        assert other.split()[:3] == one.split()[:3]


def test_alignatt_writes_what_plain_redecoding_writes(output):
    ours, theirs = (texts(output, "alignatt", name) for name in ("ours, exact", REDECODING))
    assert all(text.split() for text in ours)
    for one, other in zip(ours, theirs, strict=True):
        assert other.split()[:3] == one.split()[:3]


def test_every_chunk_of_every_agent_is_measured(output):
    # 3.2 and 2.1 s are 5 and 3 chunks of 0.7 s.
    peers = 5 if ctranslate2_holdn.has_ctranslate2() else 1
    assert len(read(output / "holdn-chunks.tsv")) == (5 + 3) * (peers + 2)
    chunks = read(output / "alignatt-chunks.tsv")
    assert len(chunks) == (5 + 3) * (1 + 2)
    assert all(float(row["ms"]) > 0 and float(row["cpu_ms"]) > 0 for row in chunks)


def test_tables_are_printed_and_plotted(output, printed):
    lines = [line.split() for line in printed.splitlines()]
    for name in ("holdn", "alignatt"):
        header = (output / f"{name}.tsv").read_text().splitlines()[0].split("\t")
        assert header in lines
        assert (output / f"{name}.png").stat().st_size > 10_000


@with_ctranslate2
def test_ratios_to_eight_bits_stand_beside_those_to_the_first_peer(output):
    int8 = next(row for row in read(output / "holdn.tsv") if row["agent"] == INT8)
    assert int8["int8_ratio"] == "1.000"
    assert float(int8["cpu_ratio"]) != 1
    assert "int8_ratio" not in read(output / "alignatt.tsv")[0]


def test_without_its_package_ctranslate2_is_left_out_in_one_line(inputs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ctranslate2_holdn, "has_ctranslate2", lambda: False)
    chosen = ("--policies", "holdn", "--only", "frozen", "--every", "2")
    assert start(inputs, tmp_path / "out", *chosen) == 0
    assert "holdn: CTranslate2 is left out" in capsys.readouterr().out
    agents = [row["agent"] for row in read(tmp_path / "out" / "holdn.tsv")]
    assert agents == [TRANSFORMERS, "ours, frozen"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--every", "0"), "every must be at least 1, got 0"),
        (("--only", "frozn"), "there is no setting in .*: did you mean 'frozen'?"),
        (("--policies", "hold"), "did you mean 'holdn'?"),
        (("--peers", "transformer"), "there is no peer 'transformer': did you mean 'transformers'?"),
        (("--peers", REDECODING, "--policies", "holdn"), "holdn has no peer here"),
        (("--simulstreaming", "tests"), "tests is no checkout of SimulStreaming"),
    ],
)
def test_impossible_choices_leave_nothing(inputs, tmp_path, capsys, arguments, message):
    assert start(inputs, tmp_path / "none", *arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert all(part in error for part in message.split(".*"))
    assert not (tmp_path / "none").exists()


def test_an_existing_output_is_not_touched(inputs, capsys):
    assert start(inputs, inputs) == 1
    assert "exists: name another --output" in capsys.readouterr().err
