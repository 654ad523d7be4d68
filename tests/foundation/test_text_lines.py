"""Files with one entry a line."""

import gzip

import pytest

from foundation.errors import InputError
from foundation.files.text_lines import plain_spaces, read_lines, write_lines, write_list


def test_only_line_feeds_end_lines(tmp_path):
    file = tmp_path / "list.txt"
    file.write_bytes("\ufeffone\u2028still one\r\ntwo\x0c\x85\x1cstill two\n\nfour\rstill four".encode())
    assert read_lines(file) == ["one\u2028still one", "two\x0c\x85\x1cstill two", "", "four\rstill four"]


def test_the_last_line_needs_no_end_and_an_empty_file_has_none(tmp_path):
    for content, lines in ((b"a\nb", ["a", "b"]), (b"a\nb\n", ["a", "b"]), (b"\n", [""]), (b"", [])):
        (tmp_path / "list.txt").write_bytes(content)
        assert read_lines(tmp_path / "list.txt") == lines


def test_byte_order_marks_begin_no_line(tmp_path):
    """`cat a.txt b.txt` leaves the mark of the second file within."""
    (tmp_path / "a.txt").write_bytes("\ufeff\ufeffOne\n\ufeffTwo\ufeff\n".encode())
    assert read_lines(tmp_path / "a.txt") == ["One", "Two\ufeff"]


def test_gzip_is_unpacked(tmp_path):
    (tmp_path / "list.gz").write_bytes(gzip.compress("größer\n".encode()))
    assert read_lines(tmp_path / "list.gz") == ["größer"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("list.txt", b"caf\xe9\n", "list.txt is not UTF-8"),
        ("list.gz", b"plain", "list.gz is damaged or not gzip"),
        ("none.txt", None, "none.txt: no such file"),
        (".", None, "is a folder: name the file in it"),
    ],
)
def test_files_that_cannot_be_read_are_named(name, content, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_lines(tmp_path / name)


@pytest.mark.parametrize("line", ["two\nlines", "two\rlines"])
def test_a_line_that_would_be_read_as_two_is_not_written(line, tmp_path):
    with pytest.raises(InputError, match="in one line"):
        write_lines(tmp_path / "list.txt", ["one", line])
    assert not (tmp_path / "list.txt").exists()


def test_a_list_is_read_as_it_was_written(tmp_path):
    entries = ["/audio/a  b.wav", "", "größer\u2028als"]
    write_list(tmp_path / "list.txt", entries)
    assert read_lines(tmp_path / "list.txt") == entries
    with pytest.raises(InputError, match="outer spaces"):
        write_list(tmp_path / "list.txt", ["a.wav "])


def test_white_space_of_any_kind_becomes_one_space():
    assert plain_spaces(" a\u00a0\u00a0b\tc\u2028d\u3000e\x0cf\x85 ") == "a b c d e f"
