"""What a terminal shows: complete lines stay, the newest grows, and how far it is stands below."""

import io
import re

import pytest

from agents.live.screen import Screen, columns
from agents.live.word import Word


def shown(written: str) -> list[str]:
    """The lines of a terminal after all of that; it knows what the screen uses."""
    lines, row, column = [""], 0, 0
    for mark, character in re.findall(r"\x1b\[(\d*[A-Za-z])|([^\x1b])", written):
        if character == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif character == "\r":
            column = 0
        elif mark == "A":
            row -= 1
        elif mark in ("K", "J"):
            lines[row] = lines[row][:column]
            if mark == "J":
                del lines[row + 1 :]
        elif character:
            lines[row] = lines[row][:column].ljust(column) + character + lines[row][column + 1 :]
            column += 1
    return lines


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    return io.StringIO()


def test_words_grow_into_lines_above_the_status(terminal):
    screen = Screen(terminal)
    screen.status("a.wav: 1.0 s heard")
    for text, at_s in [("Eine", 1.5), ("Frau", 1.5), ("in", 2.0), ("einem", 2.0), ("roten", 2.0)]:
        screen.add(Word(text, at_s))
    assert shown(terminal.getvalue()) == ["     1.5 s  Eine Frau in einem roten", "a.wav: 1.0 s heard"]
    screen.add(Word("Mantel", 2.5))
    screen.add(Word("geht.", 3.0))
    screen.status("a.wav: 3.0 s heard")
    assert shown(terminal.getvalue()) == [
        "     1.5 s  Eine Frau in einem roten",
        "     2.5 s  Mantel geht.",
        "a.wav: 3.0 s heard",
    ]
    screen.add(Word("Ja", 3.5))
    screen.close()
    assert shown(terminal.getvalue())[2:] == ["     3.5 s  Ja", ""]


def test_what_continues_a_word_stands_beside_it(terminal):
    screen = Screen(terminal)
    screen.add(Word("我", 1.0))
    screen.add(Word("们", 2.0, continues=True))
    assert shown(terminal.getvalue())[0] == "     1.0 s  我们"
    assert columns("我们") == 4 and columns("e\u0301a") == 2
