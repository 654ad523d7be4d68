"""A frozen dataclass is a command line: types, defaults, lists, what must be given, and wrong values."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from foundation.command_line import at_least, named_values, parse, read_flags, settings_of
from foundation.errors import InputError
from foundation.options import REQUIRED, option


@dataclass(frozen=True)
class Sample:
    output: Path = option(REQUIRED, "where")
    words: tuple[str, ...] = option(REQUIRED, "several")
    share: float = option(0.5, "50% of it", at_most=1)
    count: int | None = option(None, "how many", at_least=1)
    quick: bool = option(False, "a switch")
    range: tuple[float, float] | None = option(None, "from and to", metavar=("LOW", "HIGH"))


def read(*arguments):
    return parse(Sample, "sample", "A sample.", ["--output", "x", "--words", "a", "b", *arguments])


def test_values_have_the_types_of_their_fields():
    assert read() == Sample(Path("x"), ("a", "b"), 0.5, None, False, None)
    assert read("--share", "1", "--count", "3", "--quick") == Sample(
        Path("x"), ("a", "b"), 1.0, 3, True, None
    )


@dataclass(frozen=True)
class Switches:
    off: bool = option(False, "a switch")
    on: bool = option(True, "another")


@pytest.mark.parametrize("word, value", [("true", True), ("false", False), ("False", False)])
def test_a_switch_may_say_what_it_is(word, value):
    assert parse(Switches, "s", "", [f"--on={word}", "--off", word]) == Switches(value, value)


def test_a_switch_alone_is_on(capsys):
    assert parse(Switches, "s", "", ["--off"]) == Switches(True, True)
    with pytest.raises(SystemExit):
        parse(Switches, "s", "", ["--on=no"])
    assert "argument --on: must be true or false, got 'no'" in capsys.readouterr().err


def test_help_shows_defaults(capsys):
    with pytest.raises(SystemExit):
        read("--help")
    assert "50% of it (default: 0.5)" in capsys.readouterr().out


def test_what_must_be_given_is_asked_for(capsys):
    with pytest.raises(SystemExit) as end:
        parse(Sample, "sample", "A sample.", ["--words", "a"])
    assert end.value.code == 2 and "required: --output" in capsys.readouterr().err


def test_a_value_too_small_is_named():
    with pytest.raises(InputError, match="--count must be at least 1, got 0"):
        read("--count", "0")
    with pytest.raises(InputError, match="--share-s must be at least 0, got nan"):
        at_least(0, share_s=float("nan"))


def test_settings_are_what_a_result_depends_on():
    assert settings_of(read("--range", "1", "2.5")) == {
        "words": ["a", "b"],
        "share": 0.5,
        "count": None,
        "quick": False,
        "range": [1.0, 2.5],
    }


def test_names_with_values():
    assert named_values("--text", ["en=a=b", "de"]) == {"en": "a=b", "de": "de"}
    for words, message in (["en="], "got 'en='"), (["=x"], "got '=x'"), (["a", "a=x"], "names 'a' twice"):
        with pytest.raises(InputError, match=f"--text .*{message}"):
            named_values("--text", words)
    with pytest.raises(InputError, match="NAME=VALUE, got 'en'"):
        named_values("--files", ["en"], needs_value=True)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--share", "nan"), "--share must be a finite number, got nan"),
        (("--share", "inf"), "--share must be a finite number, got inf"),
        (("--share", "2"), "--share must be at most 1, got 2.0"),
        (("--count", "9" * 400), "--count must be at most 9223372036854775807, got 99999999999"),
        (("--count", "-" + "9" * 400), "--count must be at least 1, got -99999999999"),
    ],
)
def test_numbers_out_of_bounds_are_refused(flags, message):
    with pytest.raises(InputError, match=message):
        read(*flags)


@pytest.mark.parametrize("word", ["two", "1.5", "0x1F", "9" * 5000, "1:30", ""])
def test_a_word_that_is_no_whole_number_is_wrong_usage(word, capsys):
    with pytest.raises(SystemExit) as end:
        read("--count", word)
    assert end.value.code == 2
    assert len(capsys.readouterr().err) < 1000


def test_digits_are_decimal_on_the_command_line_as_in_yaml():
    assert read("--count", "0500").count == 500


def test_a_tilde_is_the_home_folder_also_behind_an_equals_sign(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    given = parse(Sample, "sample", "A sample.", ["--output=~/x", "--words", "~/x"])
    assert given.output == Path("/home/somebody/x")
    assert given.words == ("~/x",)  # a text that is no path


def test_a_prefix_of_a_flag_is_no_flag():
    with pytest.raises(SystemExit):
        read("--cou", "3")


def test_word_that_belongs_to_no_flag_is_refused():
    with pytest.raises(ValueError, match="'stray' belongs to no --KEY"):
        read_flags(["stray", "--beam", "2"])


def test_a_flag_that_is_given_twice_is_refused():
    """Of two lists the first would be forgotten in silence."""
    with pytest.raises(ValueError, match="--heads is given twice: give it once, with all of its values"):
        read_flags(["--heads", "1", "--beam", "2", "--heads=2"])
