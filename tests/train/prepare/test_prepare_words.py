"""Lists of the words of manifests, and what of the heard language belongs to them."""

import unicodedata
from dataclasses import replace

import pytest

from models.storage.word_lists import read_word_lists
from train.data.manifest import Row, write_manifest
from train.prepare import main

ROWS = [
    Row("1", {"en": "Yesterday Miller met Anna. He laughed.", "de": "Gestern traf Miller Anna. Er lachte."}),
    Row("2", {"en": "It is 5 o'clock.", "de": "Es ist 5 Uhr USA, aaaah!"}),
    Row("3", {"en": "He laughed.", "de": "Er lachte."}),
]


@pytest.fixture
def command(tmp_path):
    write_manifest(tmp_path / "m.tsv", ROWS, ["en", "de"])
    files = ["--manifests", str(tmp_path / "m.tsv"), "--output", str(tmp_path)]
    return ["words", *files, "--languages", "de"]


def test_words_of_texts_and_names_that_are_heard(tmp_path, command, capsys):
    assert main([*command, "--names-from", "en"]) == 0
    assert capsys.readouterr().out == f"{tmp_path}: 10 words of de\n"
    # Capitals are those of the middle of a sentence.
    expected = ["Anna", "Miller", "USA", "Uhr", "er", "es", "gestern", "ist", "lachte", "traf"]
    assert (tmp_path / "words.de.txt").read_text(encoding="utf-8").split() == expected
    assert read_word_lists(tmp_path, ["de", "fr"])["de"].has("gestern")


def test_letters_are_the_same_however_a_file_spells_them(tmp_path, command):
    rows = [
        replace(row, texts={"de": unicodedata.normalize("NFD", "Wir grüßen für Müller.")}) for row in ROWS
    ]
    write_manifest(tmp_path / "m.tsv", rows, ["de"])
    assert main(command) == 0
    file = tmp_path / "words.de.txt"
    assert file.read_text(encoding="utf-8").split() == ["Müller", "für", "grüßen", "wir"]
    file.write_text(unicodedata.normalize("NFD", "für\n"), encoding="utf-8")
    words = read_word_lists(tmp_path, ["de"])["de"]
    assert words.has("für") and not words.has("fu")


def test_rare_words_may_be_left_out(tmp_path, command):
    assert main([*command, "--at-least", "2"]) == 0
    assert (tmp_path / "words.de.txt").read_text(encoding="utf-8") == "er\nlachte\n"


def test_what_cannot_be_made_is_one_line(tmp_path, command, capsys):
    for more, message in {
        ("--languages", "xx"): "no manifest has text in 'xx'",
        ("--languages", "de", "--at-least", "5"): "no word of 'de' stands 5 times",
        ("--languages", "de", "--names-from", "ru"): "no manifest has text in 'ru': correct --names-from",
    }.items():
        assert main([*command[:-2], *more]) == 1
        assert message in capsys.readouterr().err
    assert not (tmp_path / "words.de.txt").exists()
    (tmp_path / "words.en.txt").mkdir()
    assert main([*command[:-1], "de", "en", "--overwrite"]) == 1
    assert "words.en.txt is a folder: take it away" in capsys.readouterr().err
    assert not (tmp_path / "words.de.txt").exists()
    assert main(command) == 0 and main(command) == 1
    assert "has a list of de: add --overwrite" in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0
