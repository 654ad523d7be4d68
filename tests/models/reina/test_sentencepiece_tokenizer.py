"""Pieces and language tags: text forth and back, where words begin, bad files and languages."""

import pytest
import torch
from sentencepiece import SentencePieceProcessor

from foundation.errors import InputError
from models.reina.sentencepiece_tokenizer import SentencePieceTokenizer
from tests.models.tiny_reina import LANGUAGES, PIECES, write_tiny_pieces

SENTENCES = ["the cat sat", "der Hund und das Mädchen", "世界 你好", "émigré €5 🎈 and the dog", "x"]


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    return write_tiny_pieces(tmp_path_factory.mktemp("pieces") / "tokenizer.model")


@pytest.fixture(scope="module")
def tokenizer(pieces):
    return SentencePieceTokenizer(pieces, LANGUAGES, ["en", "fr"])


@pytest.mark.parametrize("sentence", SENTENCES)
def test_text_comes_back_as_sentencepiece_decodes_it(tokenizer, pieces, sentence):
    tokens = tokenizer.encode(sentence)
    processor = SentencePieceProcessor(model_file=str(pieces))
    assert tokens == processor.encode(sentence)
    assert tokenizer.decode(tokens) == processor.decode(tokens) == sentence


@pytest.mark.parametrize("sentence", SENTENCES)
def test_text_only_grows_with_each_token(tokenizer, sentence):
    """What has been shown stays: the bytes of an incomplete character show nothing yet."""
    tokens = tokenizer.encode(sentence)
    texts = [tokenizer.decode(tokens[:count]) for count in range(len(tokens) + 1)]
    for shorter, longer in zip(texts, texts[1:], strict=False):
        assert longer.startswith(shorter)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_words_and_characters_are_counted_where_they_begin(tokenizer, sentence):
    tokens = torch.tensor(tokenizer.encode(sentence))
    assert int(tokenizer.units_started(False)[tokens].sum()) == len(sentence.split())
    characters = len(sentence.replace(" ", ""))
    assert int(tokenizer.units_started(True)[tokens].sum()) == characters


def test_tags_stand_behind_the_pieces(tokenizer):
    assert tokenizer.vocabulary_size == PIECES + 3
    assert tokenizer.prompt("en", "en") == [PIECES]
    assert tokenizer.prompt("French", "de-CH") == [PIECES + 1]
    assert tokenizer.tag("Chinese") == PIECES + 2
    assert tokenizer.decode([PIECES, PIECES + 1, *tokenizer.encode("the cat")]) == "the cat"
    assert len(tokenizer.units_started(False)) == PIECES + 3


def test_only_text_and_the_end_are_generated(tokenizer, pieces):
    processor = SentencePieceProcessor(model_file=str(pieces))
    assert tokenizer.end_of_sequence == processor.eos_id()
    expected = {processor.unk_id(), processor.bos_id(), *range(PIECES, PIECES + 3)}
    assert set(tokenizer.suppressed) == expected


@pytest.mark.parametrize(
    "source, target, message",
    [
        ("en", "klingon", "language 'klingon' is not known to this model.* knows en, de, zh, fr"),
        ("germann", "de", "did you mean 'de'"),
        ("en", "fr", "understands 'fr' but does not write it: it writes en, de, zh"),
        ("zh", "en", "writes 'zh' but does not understand it: it understands en, fr"),
    ],
)
def test_impossible_languages_say_what_is_possible(tokenizer, source, target, message):
    with pytest.raises(InputError, match=message):
        tokenizer.prompt(source, target)


def test_a_tag_alone_makes_no_language_that_is_written(tokenizer):
    some = tokenizer.that_writes(["zh", "de"])
    assert some.prompt("en", "de") == tokenizer.prompt("en", "de")
    with pytest.raises(InputError, match="understands 'en' but does not write it: it writes zh, de"):
        some.prompt("en", "en")
    assert some.that_writes(None).prompt("en", "en") == tokenizer.prompt("en", "en")


@pytest.mark.parametrize(
    "languages, source_languages, size, message",
    [
        ([], ["en"], None, "at least one language"),
        (["de"], [], None, "at least one language"),
        (["de", "de"], ["en"], None, "name each once"),
        (["de"], ["en"], PIECES, f"{PIECES} pieces, {PIECES + 1} tokens.*the model has {PIECES} tokens"),
    ],
)
def test_missing_tags_and_other_vocabularies_are_refused(pieces, languages, source_languages, size, message):
    with pytest.raises(InputError, match=message):
        SentencePieceTokenizer(pieces, languages, source_languages, size)


@pytest.mark.parametrize("content", [None, b"", b"no model at all"])
def test_unreadable_file_is_named(tmp_path, content):
    file = tmp_path / "tokenizer.model"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match="tokenizer.model is missing, damaged or no SentencePiece model"):
        SentencePieceTokenizer(file, ["de"], ["en"])


def test_file_without_end_of_sequence_is_refused(tmp_path):
    file = write_tiny_pieces(tmp_path / "endless.model", eos_id=-1)
    with pytest.raises(InputError, match="no end of sequence"):
        SentencePieceTokenizer(file, ["de"], ["en"])
