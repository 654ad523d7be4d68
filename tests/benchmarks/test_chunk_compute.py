"""Both agents decide the same, so that the times beside one another are of the same work."""

import csv
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pytest
import soundfile

from benchmarks import chunk_compute
from benchmarks.plain_holdn import PLAIN
from tests.models.tiny_whisper import write_tiny_whisper

WINDOW = "ours, 30000 ms silence"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chunk_compute")
    # With these weights whole words are written in most chunks, so later ones start from a forced prefix.
    write_tiny_whisper(folder / "tiny", width=64, heads=2, seed=4)
    generator = np.random.default_rng(0)
    for number, seconds in enumerate((3.2, 2.1)):
        soundfile.write(folder / f"{number}.wav", generator.normal(0, 0.1, round(16_000 * seconds)), 16_000)
    (folder / "source.txt").write_text(f"{folder}/0.wav\n{folder}/1.wav\n")
    (folder / "target.txt").write_text("the cat sat\non the mat\n")
    return folder


@pytest.fixture(scope="module")
def printed(inputs):
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as printed:
        patch.setattr(chunk_compute, "GROWTH_REPEATS", 1)
        run(inputs, "--output", str(inputs / "out"))
    return printed.getvalue()


@pytest.fixture(scope="module")
def output(inputs, printed):
    return inputs / "out"


def run(folder, *arguments):
    lists = ("--source", f"{folder}/source.txt", "--target", f"{folder}/target.txt")
    settings = ("--chunk-ms", "700", "--held-tokens", "2", "--trailing-silence-ms", "0", "30000")
    chunk_compute.main(["--model", str(folder / "tiny"), *lists, *settings, *arguments])


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_both_agents_write_the_same_text_in_the_full_window(output):
    texts = [row for row in read(output / "texts.tsv") if row["beam"] == "1"]
    plain, ours = ([row["text"] for row in texts if row["agent"] == name] for name in (PLAIN, WINDOW))
    assert len(plain) == 2
    assert all(len(text.split()) > 10 for text in plain)
    assert ours == plain
    [row] = [row for row in read(output / "compute.tsv") if (row["beam"], row["agent"]) == ("1", WINDOW)]
    assert row["same_text"] == "2/2"
    assert row["WER_more"] == "0.000"


def test_every_chunk_of_every_agent_is_measured(output):
    chunks = read(output / "chunks.tsv")
    # 3.2 and 2.1 s are 5 and 3 chunks of 0.7 s, for three agents at two beams.
    assert len(chunks) == (5 + 3) * 3 * 2
    assert all(float(row["ms"]) > 0 for row in chunks)
    parts = ("features", "encoder", "prefill", "steps", "rest")
    for row in chunks:
        assert sum(float(row[part]) for part in parts) == pytest.approx(float(row["ms"]), abs=0.01)
        assert float(row["encoder"]) > 0


def test_tables_and_plot_are_written(output):
    assert len(read(output / "compute.tsv")) == len(read(output / "parts.tsv")) == 3 * 2
    growth = read(output / "growth.tsv")
    assert [(row["agent"], row["utterance_s"]) for row in growth] == [
        (PLAIN, "10"),
        ("ours", "10"),
        (PLAIN, "30"),
        ("ours", "30"),
    ]
    assert (output / "chunk_compute.png").stat().st_size > 10_000


def test_tables_are_printed(output, printed):
    lines = [line.split() for line in printed.splitlines()]
    for name in ("compute", "parts", "growth"):
        assert (output / f"{name}.tsv").read_text().splitlines()[0].split("\t") in lines


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--held-tokens", "0"), "1 or more"),
        (("--every", "0"), "1 or more"),
        (("--beams", "0"), "beam must be at least 1, got 0"),
    ],
)
def test_impossible_settings_leave_nothing(inputs, arguments, message):
    with pytest.raises(SystemExit, match=f"^error: .*{message}"):
        run(inputs, "--output", str(inputs / "none"), *arguments)
    assert not (inputs / "none").exists()


def test_an_existing_output_is_not_touched(inputs):
    with pytest.raises(SystemExit, match="exists: name another output"):
        run(inputs, "--output", str(inputs))
