"""The texts of the mini model: what is held out, which names vary, and which words are none."""

from collections import Counter

import pytest

from benchmarks.reina_mini.everyday import NAMES, other_names, split, wording
from benchmarks.reina_mini.non_words import is_word, known_words, words
from train.data.manifest import Row, write_manifest


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("I'm happy!", "I am happy.", True),
        ("I can’t.", "I cannot.", True),
        ("They won't", "they will not", True),
        ("Où ?", "ou", True),
        ("Go.", "Gone.", False),
    ],
)
def test_sentences_of_one_wording(one, other, alike):
    assert (wording(one) == wording(other)) == alike


def test_what_is_held_out_is_nowhere_in_training():
    rows = [
        (f"Sentence {number}.", f"Satz {number}.", f"Phrase {number}." if number % 2 else "")
        for number in range(60)
    ]
    rows += [("SENTENCE 1!", "Der Satz 1.", "La phrase 1.")]
    train, development, test = split(rows, test=8, development=4)
    assert (len(development), len(test)) == (4, 8)
    held = {wording(row[0]) for row in [*development, *test]}
    assert len(held) == 12
    assert not held & {wording(row[0]) for row in train}
    assert all(all(row) for row in [*development, *test])
    assert len(train) == 61 - 12 - ("sentence1" in held)
    assert split(rows[::-1], test=8, development=4)[2] == test, "the order of the table decides nothing"


def test_half_of_the_names_vary_alike_in_all_languages():
    rows = [(f"Tom has {n} cats.", f"Tom hat {n} Katzen.", f"Tom a {n} chats.") for n in range(400)]
    names = Counter()
    for row in map(other_names, rows):
        [name] = {text.split()[0] for text in row}
        names[name] += 1
    assert names.pop("Tom") == pytest.approx(200, abs=40)
    assert set(names) <= set(NAMES["Tom"]) and len(names) > 20
    unequal = ("Tom left.", "Er ist gegangen.", "")
    assert other_names(unequal) == unequal, "a translation that does not name him stays as it is"


def test_words_and_what_is_none(tmp_path):
    write_manifest(
        tmp_path / "m.tsv",
        [
            Row("a", {"en": "Then Joey left.", "de": "Das Haus, die Türen und l'été."}),
            Row("b", {"en": "No German."}),
        ],
        ["en", "de"],
    )
    known = known_words([tmp_path / "m.tsv"], "de")
    assert {"haus", "türen", "joey", "german"} <= known and "left" not in known
    assert words("Das rürtterrad, 3 Häuser – l’été!") == ["das", "rürtterrad", "häuser", "l'été"]
    right = ("haus", "haustüren", "haus-türen", "joey")
    assert [
        word for word in (*right, "hausm", "rürtterrad", "xhaus", "dashaus") if is_word(word, known)
    ] == list(right)
