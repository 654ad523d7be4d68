"""Recognised words with their times, and where tokens of them end."""

import pytest

from models.languages import LanguagePair
from models.text_translation.source_text import SourceText
from models.text_translation.tokens import piece_ends


@pytest.fixture
def text():
    stream = SourceText(LanguagePair("en", "de"))
    for word, end_ms in ((" the", 300), (" green", 700), (" sea", 1000)):
        stream.add(word, end_ms)
    return stream


def test_time_goes_evenly_within_a_word(text):
    assert text.text == "the green sea"
    assert text.times_ms([0, 3, 6, 9, 13]) == [0, 300, 500, 700, 1000]


def test_a_word_ends_no_earlier_than_the_one_before(text):
    text.add(" is", 900)  # attention wanders
    assert text.times_ms([len("the green sea is")]) == [1000]


def test_pieces_without_a_space_continue_the_text():
    stream = SourceText(LanguagePair("zh", "en"))
    stream.add(" 世界", 400)
    stream.add("你好", 800)
    assert stream.text == "世界你好"
    assert stream.times_ms([1, 2, 3, 4]) == [200, 400, 600, 800]


def test_what_is_forgotten_takes_its_time_along(text):
    changes = text.changes
    text.forget_before(700, 650)
    assert text.text == "sea" and text.changes == changes + 1
    assert text.times_ms([0, 3]) == [0, 350]
    text.add(" is", 1400)
    assert text.times_ms([6]) == [750]


def test_all_may_be_forgotten(text):
    text.forget_before(1000, 1000)
    assert text.text == ""
    text.add(" is", 1400)
    assert text.text == "is" and text.times_ms([2]) == [400]


def test_pieces_end_with_their_words_whatever_normalisation_makes_of_them():
    # The sign for a trademark becomes two letters.
    assert piece_ends(["▁a", "b", "▁TM", "c", "d", "▁x"], "ab ™cd x") == [1, 2, 5, 6, 6, 8]
    assert piece_ends(["▁", "a", "b"], "ab") == [0, 1, 2]
