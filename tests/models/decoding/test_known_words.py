"""A model with lists of words writes no others."""

from dataclasses import replace

import pytest
import torch

from foundation.errors import InputError
from models.decoding.known_words import KnownWordsOnly
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.decoding.token_filters import RowTexts
from models.storage.word_lists import WordList, read_word_lists
from tests.models.scripted_translator import (
    END,
    ScriptedTokenizer,
    ScriptedTranslator,
    random_script,
    scripted_memory,
)

VOCABULARY = 12  # the end, A b C d E f G h I j K
WORDS = ["Ab", "Abd", "Cd", "E", "Ghf"]


def texts_of(tokens, place=0):
    rows = len(tokens)
    return RowTexts(tokens, tokens.shape[1], torch.zeros(rows, dtype=torch.bool), torch.full((rows,), place))


def test_words_are_runs_of_letters_in_any_case():
    words = WordList(["Straße", "aujourd'hui", "x2y"], "fr")
    assert [words.has(word) for word in ("straße", "aujourd", "hui", "x", "strasse")] == [True] * 4 + [False]
    assert words.begins("str") and words.begins("straße") and not words.begins("straßen")


def test_german_puts_two_words_together():
    words = ["Arbeit", "Platz", "auf", "ich", "Strand"]
    german, french = (WordList(words, language) for language in ("de", "fr"))
    assert german.has("arbeitsstrand") and not german.has("ichenstrand")  # the first part is too short
    assert german.has("arbeitsplatz") and german.has("platzarbeit") and german.begins("arbeitspl")
    assert german.has("arbeitsplatz") and not german.has("arbeitauf") and not german.begins("arbeitau")
    assert not german.has("arbeits") and not german.has("aufplatz") and not german.has("platzauf")
    assert not german.begins("arbeitsx")
    assert not french.has("arbeitsplatz") and not french.begins("arbeitsp")


@pytest.mark.parametrize(
    "begun, added, allowed",
    [
        ("", " Ab", True),  # may become abd
        ("Ab", "d", True),
        ("ab", "c", False),
        ("A", " Cd", False),  # "a" is no word
        ("Ab", " C", True),
        ("Ab", ", 12 cd!", True),
        ("Ab", ", x!", False),
        ("A", None, False),
        ("AB", None, True),
        ("", None, True),
    ],
)
def test_tokens_that_may_follow(begun, added, allowed):
    assert WordList(WORDS, "en").allows(begun, added) is allowed


def written(tokenizer, tokens):
    return tokenizer.decode(tokens).split()


@pytest.mark.parametrize("beam", [1, 3])
def test_a_random_model_writes_listed_words_only(beam):
    """Capitals begin a word, so that each text of random tokens would have words that are none."""
    listed = WordList(WORDS, "en")
    options = SearchOptions(beam=beam, blocked_ngram=0, repeated_phrase=0)
    request = StreamRequest([], [], audio_finished=True, token_limit=9)
    plain, bound = [], []
    for seed in range(20):
        model = ScriptedTranslator(random_script(seed, VOCABULARY), VOCABULARY)
        model.word_list = lambda prompt: listed
        for found, known_words in ((plain, False), (bound, True)):
            search = StreamingSearch(model, replace(options, known_words=known_words))
            [one] = search.find(scripted_memory(torch.tensor([8])), [request])
            found.append((model.tokenizer.decode(one.tokens).split(), len(one.tokens)))
    unlisted = [word for words, _ in plain for word in words if word not in WORDS]
    assert len(unlisted) > 20
    # Also where the limit of nine tokens falls into a word.
    assert sum(len(words) for words, _ in bound) > 20
    assert not [word for words, _ in bound for word in words if word not in WORDS]


def test_every_token_is_looked_at_where_few_of_the_likeliest_may_follow(monkeypatch):
    monkeypatch.setattr("models.decoding.known_words.CANDIDATES", 2)
    tokenizer = ScriptedTokenizer(VOCABULARY)
    only = KnownWordsOnly(tokenizer, needed=2)
    place = only.place(WordList(WORDS, "en"))
    assert place == 0 and only.place(None) == -1
    scores = torch.arange(VOCABULARY, dtype=torch.float32)[None].log_softmax(-1)
    after_ab = torch.tensor([[1, 2]])  # "Ab": goes on as Abd, ends, or begins A, C, E, G
    kept = only(scores, texts_of(after_ab))
    assert (kept > -torch.inf).nonzero()[:, 1].tolist() == [END, 1, 3, 4, 5, 7]
    assert torch.equal(only(scores, texts_of(after_ab, -1)), scores)  # a row without a list


def test_committed_letters_that_no_word_begins_with_bind_nothing():
    only = KnownWordsOnly(ScriptedTokenizer(VOCABULARY), needed=2)
    only.place(WordList(["Zz"], "en"))
    scores = torch.zeros(1, VOCABULARY).log_softmax(-1)
    assert torch.equal(only(scores, texts_of(torch.tensor([[1, 2]]))), scores)


def test_lists_beside_a_model(tmp_path):
    (tmp_path / "words.de.txt").write_text("Haus\nStraße\n", encoding="utf-8")
    lists = read_word_lists(tmp_path, ["de", "fr"])
    assert list(lists) == ["de"] and len(lists["de"]) == 2
    (tmp_path / "words.fr.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="words.fr.txt is no text in UTF-8"):
        read_word_lists(tmp_path, ["de", "fr"])
    with pytest.raises(InputError, match=r"words.fr.txt is of no language that the model writes \(de\)"):
        read_word_lists(tmp_path, ["de"])
    (tmp_path / "words.fr.txt").write_text("12\n")
    with pytest.raises(InputError, match="words.fr.txt has no words"):
        read_word_lists(tmp_path, ["de", "fr"])
    (tmp_path / "words.fr.txt").unlink()
    (tmp_path / "words.fr.txt").symlink_to(tmp_path / "none")
    with pytest.raises(InputError, match="words.fr.txt cannot be read: No such file"):
        read_word_lists(tmp_path, ["de", "fr"])
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="words.fr.txt is no file"):
        read_word_lists(tmp_path, ["de", "fr"])
