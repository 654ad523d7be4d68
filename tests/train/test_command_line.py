"""A frozen dataclass is a command line: types, defaults, lists, what must be given, and wrong values."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from models.errors import InputError
from train.command_line import at_least, named_values, option, parse, settings_of


@dataclass(frozen=True)
class Sample:
    output: Path = option("where")
    words: tuple[str, ...] = option("several")
    share: float = option("50% of it", 0.5)
    count: int | None = option("how many", None)
    quick: bool = option("a switch", False)

    def __post_init__(self) -> None:
        at_least(1, count=self.count)


def read(*arguments):
    return parse(Sample, "sample", "A sample.", ["--output", "x", "--words", "a", "b", *arguments])


def test_values_have_the_types_of_their_fields():
    assert read() == Sample(Path("x"), ("a", "b"), 0.5, None, False)
    assert read("--share", "1", "--count", "3", "--quick") == Sample(Path("x"), ("a", "b"), 1.0, 3, True)


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
    assert settings_of(read()) == {"words": ["a", "b"], "share": 0.5, "count": None, "quick": False}


def test_names_with_values():
    assert named_values("--text", ["en=a=b", "de"]) == {"en": "a=b", "de": "de"}
    for words, message in (["en="], "got 'en='"), (["=x"], "got '=x'"), (["a", "a=x"], "names 'a' twice"):
        with pytest.raises(InputError, match=f"--text .*{message}"):
            named_values("--text", words)
    with pytest.raises(InputError, match="NAME=VALUE, got 'en'"):
        named_values("--files", ["en"], needs_value=True)
