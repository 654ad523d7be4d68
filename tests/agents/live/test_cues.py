"""Subtitles are whole sentences where they fit, readable, and never two at once."""

import numpy as np
import pytest

from agents.live.cues import Cue, CueMaker, in_lines
from agents.live.sentences import ends_sentence, sentence_ends
from agents.live.word import Word


def cues(*words: tuple[str, float]) -> list[Cue]:
    maker = CueMaker()
    made = [cue for text, at_s in words for cue in maker.add(Word(text, at_s + 1, at_s))]
    return made + maker.finish()


def test_a_sentence_is_a_cue_from_its_first_word_to_its_last():
    assert cues(("Eine", 1.0), ("Frau", 1.5), ("geht.", 4.0), ("Ja.", 6.0)) == [
        Cue(1.0, 4.0, "Eine Frau geht."),
        Cue(6.0, 7.0, "Ja."),
    ]


def test_a_cue_stays_until_it_is_read_or_the_next_begins():
    # 34 characters at 17 a second.
    assert cues(("Donaudampfschifffahrtskapitänsamt.", 1.0)) == [
        Cue(1.0, 3.0, "Donaudampfschifffahrtskapitänsamt.")
    ]
    assert cues(("Donaudampfschifffahrtskapitänsamt.", 1.0), ("Ja.", 2.5))[0].end_s == 2.5


def test_cues_that_were_heard_at_once_follow_each_other():
    assert cues(("Ja.", 1.0), ("Nein.", 1.2), ("Doch.", 0.9)) == [
        Cue(1.0, 2.0, "Ja."),
        Cue(2.0, 3.0, "Nein."),
        Cue(3.0, 4.0, "Doch."),
    ]


def test_a_long_sentence_is_cut_at_its_last_comma_or_before_it_is_too_long():
    words = [(f"Wort{place:02}," if place == 7 else f"Wort{place:02}", place / 10) for place in range(20)]
    texts = [cue.text.replace("\n", " ") for cue in cues(*words)]
    assert texts[0] == " ".join(word for word, _ in words[:8])
    assert " ".join(texts) == " ".join(word for word, _ in words)
    plain = [(f"Wort{place:02}", place / 10) for place in range(20)]
    assert [len(cue.text) for cue in cues(*plain)] == [83, 55]


def test_a_cue_lasts_seven_seconds_at_most_and_no_pause_is_within():
    slow = [(f"a{place}", float(place)) for place in range(12)]
    assert [(cue.begin_s, cue.end_s) for cue in cues(*slow)] == [(0.0, 7.0), (8.0, 11.0)]
    assert [cue.text for cue in cues(("Eine", 1.0), ("Frau", 4.5))] == ["Eine", "Frau"]


def test_text_without_spaces_is_cut_at_its_sentences_and_its_length():
    maker = CueMaker()
    made = maker.add(Word("我们走。好！" + "字" * 100, 2.0, 1.0)) + maker.finish()
    assert [cue.text.replace("\n", "") for cue in made] == ["我们走。", "好！", "字" * 82, "字" * 18]
    assert max(len(line) for cue in made for line in cue.text.split("\n")) == 41


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_said_cues_keep_their_order_and_lose_no_word(seed):
    random = np.random.default_rng(seed)
    words, at_s = [], 0.0
    for _ in range(300):
        at_s = max(0.0, at_s + random.choice([-0.5, 0.1, 0.3, 0.5, 4.0]))
        ending = random.choice(["", "", "", ",", "."])
        words.append(("x" * int(random.integers(1, 14)) + ending, at_s))
    made = cues(*words)
    assert " ".join(cue.text.replace("\n", " ") for cue in made) == " ".join(text for text, _ in words)
    for one, after in zip(made, made[1:], strict=False):
        assert one.end_s <= after.begin_s
    for cue in made:
        assert 0 < cue.end_s - cue.begin_s <= 7.0
        assert len(cue.text) <= 84 and cue.text.count("\n") <= 1


def test_lines_are_about_as_long():
    assert in_lines("kurz") == "kurz"
    assert in_lines("Eine Frau in einem roten Mantel geht mit ihrem Hund am Strand") == (
        "Eine Frau in einem roten Mantel\ngeht mit ihrem Hund am Strand"
    )


@pytest.mark.parametrize("word", ["geht.", "geht!", "geht?", "geht.”", "走。", "Ende…", "so...", "USA.»"])
def test_a_sentence_ends(word):
    assert ends_sentence(word)


@pytest.mark.parametrize("word", ["geht", "3.", "z.", "B.", "Dr.", "(vgl.", "a,", "", ".)x", "„St."])
def test_no_sentence_ends(word):
    assert not ends_sentence(word)


def test_sentence_ends_of_a_text_that_grows():
    text = "Dr. No geht. Wer? Nie"
    assert sentence_ends(text) == [12, 17]
    assert sentence_ends(text, 12) == [17]
    assert sentence_ends(text, 11) == [12, 17]  # the full stop of a word that was written before
    assert sentence_ends(text, len(text)) == []
