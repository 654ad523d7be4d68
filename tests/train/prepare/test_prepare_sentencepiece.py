"""The model that is trained is one that the tokenizer accepts, of the texts that were asked for."""

import pytest

from models.reina.sentencepiece_tokenizer import SentencePieceTokenizer
from tests.models.tiny_whisper import CORPUS
from train.data.manifest import Row, write_manifest
from train.prepare import main


@pytest.fixture
def command(tmp_path):
    rows = [Row(str(i), {"en": text, "de": text.upper()}) for i, text in enumerate(CORPUS)]
    write_manifest(tmp_path / "a.tsv", rows, ["en", "de"])
    write_manifest(tmp_path / "b.tsv", [Row("x", {"fr": "où est ça"})], ["fr"])
    files = ["--manifests", str(tmp_path / "a.tsv"), str(tmp_path / "b.tsv")]
    size = ["--vocabulary", "120", "--jobs", "1"]
    return ["sentencepiece", *files, *size, "--output", str(tmp_path / "x.model"), "--languages"]


def test_the_tokenizer_takes_what_was_trained(tmp_path, command, capsys):
    assert main([*command, "en", "fr"]) == 0
    tokenizer = SentencePieceTokenizer(tmp_path / "x.model", ["en", "de"], ["en"])
    assert (tokenizer.pieces, tokenizer.end_of_sequence) == (120, 1)
    sentence = "the dog où"
    assert tokenizer.decode(tokenizer.encode(sentence)) == sentence
    assert 0 in tokenizer.encode("HUND"), "German was not asked for: its capitals are unknown"
    assert "120 pieces; pieces a word: en " in capsys.readouterr().out


def test_bytes_stand_in_for_what_has_no_piece(tmp_path, command):
    assert main([*command, "en", "--vocabulary", "420", "--kind", "bpe", "--byte-fallback"]) == 0
    tokenizer = SentencePieceTokenizer(tmp_path / "x.model", ["en"], ["en"])
    assert tokenizer.decode(tokenizer.encode("the Ω dog")) == "the Ω dog"


def test_the_same_texts_give_the_same_model(tmp_path, command):
    assert main([*command, "en"]) == 0
    first = (tmp_path / "x.model").read_bytes()
    assert main([*command, "en", "--overwrite"]) == 0
    assert (tmp_path / "x.model").read_bytes() == first


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["en", "it"], "no manifest has text in 'it'"),
        (["en", "--vocabulary", "90000"], "90000 pieces cannot be made of 11 texts"),
        (["en", "--coverage", "1.5"], "--coverage must be at most 1, got 1.5"),
        (["en", "--output", "no/x.model"], "no: no such folder"),
    ],
)
def test_bad_commands_are_one_line(tmp_path, command, more, message, capsys):
    assert main([*command, *more]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x.model").exists()
