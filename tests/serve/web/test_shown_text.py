"""What a client deletes and writes so that it shows final text with a preview behind it."""

import pytest

from serve.web.shown_text import ShownText, TextChange


def test_without_previews_nothing_is_deleted():
    shown = ShownText()
    assert shown.write(" Eine Frau") == TextChange("Eine Frau", "")
    assert shown.write("") == TextChange("", "")
    assert shown.write(" geht") == TextChange(" geht", "")
    assert (shown.final_text, shown.normalised_erasure) == ("Eine Frau geht", 0.0)


@pytest.mark.parametrize(
    ("before", "text", "preview", "new", "deleted"),
    [
        ("", "Eine", " Frau", "Eine Frau", ""),
        (" Frau", " Frau", " geht", " geht", ""),
        (" Frau", " Frauen", "", " Frauen", " Frau"),
        (" Frau geht", " Frau", " lacht", " lacht", " geht"),
        (" Frau geht", "", "", "", " Frau geht"),
        (" Frau geht", " Mann", " geht", " Mann geht", " Frau geht"),
        (" spa", "", " spazieren", " spazieren", " spa"),
    ],
)
def test_whole_words_are_deleted(before, text, preview, new, deleted):
    shown = ShownText()
    shown.write("Die", before)
    assert shown.write(text, preview) == TextChange(new, deleted)


def test_erasure_is_of_words_deleted_for_each_final_word():
    shown = ShownText()
    shown.write("Die", " Frau geht")
    shown.write(" Frau", " lacht laut")
    shown.write(" lacht")
    assert (shown.final_text, shown.deleted_words) == ("Die Frau lacht", 2)
    assert shown.normalised_erasure == pytest.approx(2 / 3)
