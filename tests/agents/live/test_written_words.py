"""A decision's words have the time and score of their own tokens."""

from agents.live.word import Word, text_of
from agents.live.written_words import written_words
from agents.stream.decision import Decision
from agents.stream.policy_scores import PolicyScores

PIECES = {1: " Ei", 2: "ne", 3: " Frau", 4: ".", 5: "我", 6: "们"}


def decode(tokens) -> str:
    return "".join(PIECES[token] for token in tokens).lstrip()


def words(decision, with_times=True, is_first=False) -> list[Word]:
    return written_words(decision, decode, with_times, is_first)


def test_a_word_has_the_latest_time_and_the_highest_score_of_its_tokens():
    scores = PolicyScores(0.0, ("Ei", "ne", "Frau", "."), (-3.0, -1.0, None, -2.0, 5.0), written=4)
    decision = Decision(2000.0, " Eine Frau.", (1, 2, 3, 4), (900.0, 700.0, 1500.0, 2600.0), scores)
    assert words(decision) == [Word("Eine", 2.0, 0.9, -1.0), Word("Frau.", 2.0, 2.0, -2.0)]


def test_without_times_and_scores_there_are_none():
    decision = Decision(2000.0, " Eine Frau", (1, 2, 3), (900.0, 700.0, 1500.0))
    assert words(decision, with_times=False) == [Word("Eine", 2.0), Word("Frau", 2.0)]


def test_scores_of_a_part_of_the_tokens_belong_to_none():
    """At the end of an utterance the policy was not asked about what was left."""
    scores = PolicyScores(0.0, ("Ei", "ne"), (-3.0, -1.0, 5.0), written=2)
    decision = Decision(2000.0, " Eine Frau", (1, 2, 3), (900.0, 700.0, 1500.0), scores)
    assert [word.score for word in words(decision)] == [None, None]


def test_two_utterances_in_one_decision_keep_their_times_apart():
    """Between them the text has a space that no token has."""
    decision = Decision(3000.0, "Frau. Frau", (3, 4, 3), (500.0, 600.0, 2500.0))
    assert [(word.text, word.heard_s) for word in words(decision)] == [("Frau.", 0.6), ("Frau", 2.5)]


def test_tokens_that_do_not_make_the_text_tell_nothing():
    decision = Decision(2000.0, " Männer", (3,), (500.0,))
    assert words(decision) == [Word("Männer", 2.0)]


def test_what_has_no_space_in_front_continues_the_word_before():
    first = words(Decision(1000.0, "我", (5,), (400.0,)), is_first=True)
    second = words(Decision(2000.0, "们", (6,), (1400.0,)))
    assert [first[0].continues, second[0].continues] == [False, True]
    assert text_of(first + second) == "我们"
    assert words(Decision(2000.0)) == []


def test_characters_that_a_terminal_would_obey_are_left_out():
    """A tokenizer of bytes can write any; the times of the other words stay their own."""
    assert [word.text for word in words(Decision(2000.0, " \x1b[2JEine\x07 \x9d Frau\u200dz"), False)] == [
        "[2JEine",
        "Frau\u200dz",
    ]
