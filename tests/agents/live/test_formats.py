"""Each format is a whole of its kind, whenever it ends."""

import json

from agents.live.formats import FORMATS, WordLines
from agents.live.word import Word

WORDS = [
    Word("Tom", 1.25, 0.5, -0.123456),
    Word("&", 1.25, 0.75),
    Word("Jerry.", 2.0, 1.5),
    Word("Eine", 3661.0, 3660.5),
    Word("n", 3661.5, 3661.0, None, True),
]


def written(form, words=WORDS) -> str:
    return form.head + "".join(map(form.add, words)) + form.finish()


def test_text_is_a_line_for_each_sentence():
    assert written(FORMATS["text"]()) == "Tom & Jerry.\nEinen\n"


def test_word_lines_are_times_and_words():
    assert written(WordLines()) == ("1.250\tTom\n1.250\t&\n2.000\tJerry.\n3661.000\tEine\n3661.500\t\tn\n")


def test_json_is_an_object_for_each_word():
    lines = written(FORMATS["json"]()).splitlines()
    assert json.loads(lines[0]) == {
        "text": "Tom",
        "written_s": 1.25,
        "heard_s": 0.5,
        "score": -0.123,
        "continues": False,
    }
    assert len(lines) == 5


def test_subrip_has_numbered_cues():
    assert written(FORMATS["srt"]()) == (
        "1\n00:00:00,500 --> 00:00:01,500\nTom & Jerry.\n\n2\n01:01:00,500 --> 01:01:01,500\nEinen\n\n"
    )


def test_webvtt_escapes_what_would_be_marks():
    assert written(FORMATS["vtt"](), WORDS[:3]) == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\nTom &amp; Jerry.\n\n"
    )


def test_a_cue_comes_once_the_next_begins():
    form = FORMATS["srt"]()
    assert [bool(form.add(word)) for word in [*WORDS[:3], Word("Ja.", 4.0, 3.0)]] == [False] * 3 + [True]
