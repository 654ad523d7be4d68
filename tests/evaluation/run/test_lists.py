"""Lists as other programs write them, through both engines: the same log and scores as of clean ones."""

import csv
import io
import json
import logging
import shutil
import sys

import pytest

from simulst import main
from tests.evaluation.tiny_evaluation import REFERENCES, run_command, write_tiny_evaluation

UMLAUTS = "Größe hört, «café» – schön"
# All ways that there are stand in the tests of the reader.
DIRTY = {
    "byte order mark": "\ufeffthe cat sat\r\na man is walking in the street\r\nhello world!\r\n",
    "tabs": "the\tcat sat\na man is\t\twalking in the street\nhello world!\t\n",
    "line separators": "the\u2028cat sat\na man is walking in the\x85street\nhello\x0cworld!\n\n\n",
}


def read_log(folder):
    return [json.loads(line) for line in (folder / "instances.log").read_text().split("\n")[:-1]]


def read_scores(folder):
    with (folder / "scores.tsv").open(encoding="utf-8", newline="") as file:
        return next(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_tiny_evaluation(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def clean(tiny):
    assert main(["evaluate", str(tiny), "--computation-aware", "false"]) == 0
    return tiny.parent / "result"


@pytest.mark.parametrize("way", DIRTY)
@pytest.mark.parametrize("engine", ["simuleval", "batched"])
def test_scores_do_not_depend_on_how_a_list_was_written(way, engine, tiny, clean, tmp_path, capsys):
    target, output = tmp_path / "target.txt", tmp_path / "out"
    target.write_bytes(DIRTY[way].encode())
    flags = ["--target", target, "--output", output, "--engine", engine, "--computation-aware", "false"]
    assert main(["evaluate", str(tiny), *map(str, flags)]) == 0
    assert [line["reference"] for line in read_log(output)] == list(REFERENCES)
    assert read_scores(output) == read_scores(clean)


@pytest.mark.parametrize("engine", ["simuleval", "batched"])
def test_odd_references_are_warned_about_once(engine, tiny, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    target = tmp_path / "target.txt"
    target.write_text("\nthe\tcat\tsat\nhello  world\n")
    flags = ["--target", target, "--output", tmp_path / "out", "--engine", engine]
    assert main(["evaluate", str(tiny), *map(str, flags)]) == 0
    [spaces, blank] = [text for text in caplog.messages if text.startswith(f"{target}: ")]
    assert "2 of 3 references hold tabs" in spaces and "(lines 2, 3)" in spaces
    assert "1 of 3 references are blank (line 1)" in blank


@pytest.mark.parametrize("engine", ["simuleval", "batched"])
def test_the_home_folder_stands_for_its_sign(engine, tiny, clean, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tiny.parent))
    (tiny.parent / "home.txt").write_text("".join(f"~/{index}.wav\n" for index in range(3)))
    flags = ["--source=~/home.txt", "--target=~/target.txt", f"--output=~/{engine}", "--engine", engine]
    assert main(["evaluate", str(tiny), *flags, "--computation-aware", "false"]) == 0
    assert read_scores(tiny.parent / engine) == read_scores(clean)


def test_plain_simuleval_reads_utf8_in_any_locale(tiny, tmp_path):
    target, output = tmp_path / "target.txt", tmp_path / "out"
    target.write_text(f"\ufeff{UMLAUTS}\n" * 3, encoding="utf-8")
    words = ["--agent", "agents/waitk_agent.py", "--model", tiny.parent / "model", "--chunk-ms", 200]
    words.append("--decode-silence")
    lists = ["--source", tiny.parent / "source.txt", "--target", target, "--output", output]
    run = run_command("simuleval", *words, *lists, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert run.returncode == 0, run.stderr
    assert read_log(output)[0]["reference"] == UMLAUTS


def test_a_terminal_without_the_letters_gets_escapes(monkeypatch, clean, tmp_path):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    shutil.copytree(clean, tmp_path / "größer")
    assert main(["compare", str(clean), str(tmp_path / "größer"), "--resamples", "100"]) == 0
    terminal.flush()
    assert b"gr\\xf6\\xdfer\n" in terminal.buffer.getvalue()
