"""Lists of a test set: read alike whoever wrote them."""

import logging
import os
from pathlib import Path

import pytest

from agents.test_set.input_lists import check_test_set, read_audio_list, read_references
from foundation.errors import InputError
from tests.evaluation.tiny_evaluation import write_sounds


@pytest.fixture
def references(tmp_path):
    """references(content) reads a list of that content, given as text or as bytes."""

    def read(content: str | bytes) -> list[str]:
        file = tmp_path / "target.txt"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_references(str(file))

    return read


def test_a_byte_order_mark_is_no_part_of_the_first_reference(references):
    assert references(b"\xef\xbb\xbfThe cat sat\nA dog\n") == ["The cat sat", "A dog"]


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0c", "\x0b", "\x1c", "\x1d", "\x1e", "\r"])
def test_signs_within_a_line_do_not_end_it(references, sign):
    assert references(f"The cat{sign}sat\nA dog\n") == ["The cat sat", "A dog"]


@pytest.mark.parametrize("spaces", ["\t", "  ", "\u00a0", "\u202f", "\u3000", " \t "])
def test_words_are_separated_by_one_space(references, spaces):
    assert references(f"{spaces}The{spaces}cat sat{spaces}\nA dog") == ["The cat sat", "A dog"]


def test_lines_may_end_as_on_windows(references):
    assert references(b"The cat\r\nA dog\r\n") == ["The cat", "A dog"]


def test_blank_lines_at_the_end_are_no_references(references):
    assert references("The cat\n\nA dog\n\n \n\t\n") == ["The cat", "", "A dog"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"caf\xe9\n", "target .*target.txt is not UTF-8"),
        (b"", "target.txt is empty"),
        (b"\xef\xbb\xbf\n\n", "target.txt is empty"),
    ],
)
def test_lists_without_text_are_refused(references, content, message):
    with pytest.raises(InputError, match=message):
        references(content)


def test_folders_are_no_lists(tmp_path):
    with pytest.raises(InputError, match="is no text file"):
        read_references(str(tmp_path))


def test_the_home_folder_stands_for_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "source.txt").write_text("~/a.wav\n/b.wav\nc~d.wav\n")
    assert read_audio_list("~/source.txt") == [f"{tmp_path}/a.wav", "/b.wav", "c~d.wav"]


def test_spaces_within_a_path_are_kept(tmp_path):
    (tmp_path / "source.txt").write_text(" a  b.wav \n")
    assert read_audio_list(str(tmp_path / "source.txt")) == ["a  b.wav"]


def test_a_blank_line_among_the_paths_is_named(tmp_path):
    (tmp_path / "source.txt").write_text("a.wav\n\nb.wav\n\n")
    with pytest.raises(InputError, match="names no audio file in line 2:"):
        read_audio_list(str(tmp_path / "source.txt"))


@pytest.fixture
def test_set(tmp_path):
    """test_set(references) writes lists of so many sounds and returns their paths."""

    def write(references: str) -> tuple[str, str]:
        write_sounds(tmp_path)
        (tmp_path / "target.txt").write_text(references, encoding="utf-8")
        return str(tmp_path / "source.txt"), str(tmp_path / "target.txt")

    return write


def test_a_clean_test_set_is_not_commented(test_set, caplog):
    check_test_set(*test_set("the cat sat\n a man\u0301 walks \nhello\n"), None)
    assert caplog.messages == []


def test_changed_and_blank_references_are_counted_in_one_warning_each(test_set, caplog):
    caplog.set_level(logging.WARNING)
    source, target = test_set("the\tcat  sat\n\nhello\u00a0world\n")
    check_test_set(source, target, None)
    assert caplog.messages == [
        f"{target}: 2 of 3 references hold tabs, double, no-break or other special spaces, which are read as "
        "single spaces (lines 1, 3)",
        f"{target}: 1 of 3 references are blank (line 2), and what is written there is scored against "
        "nothing: leave these sentences out of both lists",
    ]


def test_lists_that_are_out_of_step_are_refused(test_set):
    with pytest.raises(InputError, match="lists 3 audio files but .* has 2 references"):
        check_test_set(*test_set("the cat sat\nhello\n\n"), None)


def test_names_that_the_locale_cannot_spell_are_refused(tmp_path, monkeypatch):
    (tmp_path / "source.txt").write_text("a.wav\nfür.wav\n", encoding="utf-8")
    monkeypatch.setattr("sys.getfilesystemencoding", lambda: "ascii")
    with pytest.raises(InputError, match="line 2 names 'für.wav', but this locale has ascii"):
        read_audio_list(os.fspath(Path(tmp_path / "source.txt")))
