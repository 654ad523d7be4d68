"""What counts as a degenerate output."""

import pytest

from evaluation.logs.run_log import Utterance
from evaluation.metrics.degenerate import flags, loops


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
    assert loops(text, "word") == looping


@pytest.mark.parametrize(
    "text",
    [
        # The same phrase but for case and punctuation, which a search takes for others.
        "Thank you. thank you, Thank You! thank you",
        "No, no. No! no No no, NO - no",
        # No phrase four times in a row, and no six tokens twice: what blocked_ngram lets through.
        "Hello Hello? hello Hi Hello, hello Hi. Hi hello? Hello Hi, Hello hello hello Hi Hi Hello. Hi hello! "
        "Hi hello Hello Hello hi Hi",
        "Yes, what's up? Yes what's up. yes, yes what's up what's up? Hello, what's up yes? Yes hello what's "
        "up, hello yes. what's up up hello yes",
    ],
)
def test_case_and_punctuation_hide_no_loop(text):
    assert loops(text, "word")
    assert flags(utterance(text, reference="Hello? Yes, what's up?"), "word") == ("LOOPING",)


def test_speech_that_returns_to_its_words_is_no_loop():
    speech = (
        "the cat sat on the mat and the dog sat on the mat and the cow sat on the mat and the hen sat on "
        "the mat so that no mat was left"
    )
    assert not loops(speech, "word")
    # A stretch of 24 words of seven kinds is none either, one of six is.
    assert not loops("a b c d e f g a c b d f e g b a d c f e g a b c", "word")
    assert loops("a b c d e f a c b d f e b a d c f e a b d e c f", "word")


def test_a_loop_of_characters():
    assert loops("谢谢大家，" * 4, "char")
    assert not loops("谢谢大家，" * 3, "char")


def test_flags_of_one_utterance():
    assert flags(utterance("a man walks"), "word") == ()
    assert flags(utterance("  "), "word") == ("EMPTY",)
    assert flags(utterance("thank you " * 5), "word") == ("LOOPING",)
    assert flags(utterance("a man", first_ms=2000.0), "word") == ("AT_END",)
    assert flags(utterance("so " * 9, first_ms=2000.0), "word") == ("LOOPING", "AT_END")


def test_a_loop_that_the_speaker_made_is_no_fault():
    song = "la " * 12
    assert flags(utterance(song, reference=song), "word") == ()
