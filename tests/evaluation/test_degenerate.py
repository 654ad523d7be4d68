"""What counts as a degenerate output."""

import pytest

from evaluation.degenerate import flags, loops
from evaluation.run_log import Utterance


def utterance(prediction: str, reference: str = "a man walks", first_ms: float = 500.0) -> Utterance:
    delays = tuple(first_ms for _ in prediction.split())
    return Utterance(0, prediction, reference, delays, delays, 2000.0)


@pytest.mark.parametrize(
    ("text", "looping"),
    [
        ("thank you " * 4, True),
        ("thank you " * 3, False),
        ("and so I said that it is " * 4, True),
        ("and so I said that it is " * 3, False),
        ("no " * 7, False),
        ("no " * 8, True),
        ("first some words then " + "thank you " * 4 + "and the end", True),
        ("the cat sat on the mat and the dog sat on the mat and the cow sat on the mat", False),
        ("", False),
    ],
)
def test_a_loop_is_four_in_a_row_over_eight_words(text, looping):
    assert loops(text.split()) == looping


def test_a_loop_of_characters():
    assert loops(list("谢谢大家" * 4))
    assert not loops(list("谢谢大家"))


def test_flags_of_one_utterance():
    assert flags(utterance("a man walks"), "word") == ()
    assert flags(utterance("  "), "word") == ("EMPTY",)
    assert flags(utterance("thank you " * 5), "word") == ("LOOPING",)
    assert flags(utterance("a man", first_ms=2000.0), "word") == ("AT_END",)
    assert flags(utterance("so " * 9, first_ms=2000.0), "word") == ("LOOPING", "AT_END")


def test_a_loop_that_the_speaker_made_is_no_fault():
    song = "la " * 12
    assert flags(utterance(song, reference=song), "word") == ()
