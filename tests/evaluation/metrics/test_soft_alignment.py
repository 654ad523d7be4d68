"""The alignment of long recordings is OmniSTEval's own, pair for pair."""

import random
import time

import pytest
from omnisteval.alignment import Word, align_sequences

from evaluation.metrics.long_form import segment_places
from evaluation.metrics.soft_alignment import align
from foundation.errors import InputError

WORDS = "the a man, . ? ! cat sat mat dog ab ba abc , - ( ) è x y z 。 明天".split()


def theirs(reference, hypothesis, char_level):
    """Pairs of places, as omnisteval aligns."""
    words = [
        [Word(text, seq_id=place) for place, text in enumerate(texts)] for texts in (reference, hypothesis)
    ]
    aligned = zip(*align_sequences(*words, char_level), strict=True)
    return [tuple(None if word is None else word.seq_id for word in pair) for pair in aligned]


@pytest.mark.parametrize("char_level", [False, True])
def test_pairs_equal_omnistevals(char_level):
    for seed in range(400):
        chaos = random.Random(seed)
        reference, hypothesis = (
            [chaos.choice(WORDS)[: 1 if char_level else None] for _ in range(chaos.randint(0, 14))]
            for _ in range(2)
        )
        assert align(reference, hypothesis, char_level) == theirs(reference, hypothesis, char_level), seed


def test_equal_sums_pair_words_first_and_leave_reference_words_second():
    assert align(["a", "b"], ["b"], True) == [(0, None), (1, 0)]
    assert align(["x"], ["a", "b"], True) == [(None, 0), (0, 1)]
    assert align([], ["a"], False) == [(None, 0)]
    assert align(["a"], [], False) == [(0, None)]


def test_thousands_of_words_take_a_moment():
    chaos = random.Random(0)
    words = ["".join(chaos.choice("abcdefghij") for _ in range(chaos.randint(1, 8))) for _ in range(800)]
    reference = [chaos.choice(words) for _ in range(4000)]
    started = time.process_time()
    assert align(reference, reference, False) == [(place, place) for place in range(4000)]
    assert time.process_time() - started < 10


def test_units_go_to_the_segment_that_they_are_like():
    references = ["A man walks home.", "", "The dog sleeps!"]
    units = "A man goes home . The the dog sleeps".split()
    assert segment_places(units, references, "word", None) == [[0, 1, 2, 3, 4], [], [5, 6, 7, 8]]
    assert segment_places([], references, "word", "en") == [[], [], []]
    assert segment_places(list("明天見好的"), ["明天見。", "好的。"], "char", None) == [[0, 1, 2], [3, 4]]


def test_references_without_a_word_are_refused():
    with pytest.raises(InputError, match="no reference of a recording has a word"):
        segment_places(["a"], ["", ""], "word", None)
