"""Capitals of emphasis and script quotes become plain text; everything else stays."""

import pytest

from train.prepare.plain_text import EmphasisCapitals, plain_quotes


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"a \"big\" dog", 'a "big" dog'),
        (r"\"one\" and \"two\"!", '"one" and "two"!'),
        (r"scheint \"ne Reparatur zu brauchen", "scheint 'ne Reparatur zu brauchen"),
        (r"\"BULWARK' printed on it", "'BULWARK' printed on it"),
        (r"don\'t", "don't"),
        ("  two \t spaces\u00a0here ", "two spaces here"),
        ("Don't \"touch\" that - it's hot...", "Don't \"touch\" that - it's hot..."),
        ("", ""),
    ],
)
def test_quotes_and_spaces(text, plain):
    assert plain_quotes(text) == plain


GERMAN = EmphasisCapitals(["Das ist ein Park.", "Ich will das nicht tun.", "Der Preis ist groß."], ["LINC"])


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Ein PARK ist DAS NICHT.", "Ein Park ist das nicht."),
        ("Wie GROSS?", "Wie groß?"),
        ("Ein UNBEKANNTES Wort.", "Ein unbekanntes Wort."),
        ("DAS? Nein!", "Das? Nein!"),
        ("Nein! DAS?", "Nein! Das?"),
        ("...DAS nicht... DAS auch nicht.", "...das nicht... das auch nicht."),
        ("¡DAS!", "¡Das!"),
        ("Ein D-LINC, kein LINC.", "Ein D-LINC, kein LINC."),
        ("Plan B, Ich.", "Plan B, Ich."),
        ("ÜBERALL", "Überall"),
    ],
)
def test_capitals_become_the_normal_form_of_the_word(text, plain):
    assert GERMAN.lower(text) == plain


def test_words_at_the_start_of_sentences_say_nothing_about_the_normal_form():
    english = EmphasisCapitals(["Now go. Now! Not now."])
    assert english.lower("It is NOW.") == "It is now."


def test_contractions_and_elisions_are_one_word():
    english = EmphasisCapitals(["Well, I'm here."])
    assert english.lower("So I'M here, D'ACCORD?") == "So I'm here, d'accord?"
