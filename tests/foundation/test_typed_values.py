"""Values of YAML and words of flags in the types of their options."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from foundation.errors import InputError
from foundation.options import option, options_of
from foundation.typed_values import parse_words, typed_value


@dataclass(frozen=True)
class Sample:
    beam: int = option(1, "beams", at_least=1, at_most=256)
    patience: float = option(1.0, "patience", above=0)
    heads: tuple[int, ...] | None = option(None, "heads")
    bounds: tuple[float, float] | None = option(None, "two")
    source: str = option("", "list", is_path=True)
    model: str = option("", "model")
    folder: Path | None = option(None, "folder")
    quick: bool = option(False, "switch")


OPTIONS = options_of(Sample)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("patience", 2, 2.0),
        ("heads", [1, 2], (1, 2)),
        ("heads", 3, (3,)),
        ("heads", None, None),
        ("bounds", [500, 900.5], (500.0, 900.5)),
        ("source", "~/test/source.txt", "/home/somebody/test/source.txt"),
        ("source", "a~b", "a~b"),
        ("model", "~/m", "~/m"),
        ("model", Path("a/m"), "a/m"),
        ("beam", np.int64(3), 3),
        ("patience", np.float32(0.5), 0.5),
        ("folder", "~/x", Path("/home/somebody/x")),
    ],
)
def test_values_get_the_types_of_their_options(monkeypatch, name, value, expected):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert typed_value(value, OPTIONS[name]) == expected


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("beam", 100_000, "beam must be at most 256, got 100000"),
        ("beam", 10**400, "beam must be at most 256, got 1000000"),
        pytest.param("beam", 10**5000, "beam must be at most 256, got a number of more than", id="huge"),
        ("beam", "1:30", r"beam must be a whole number, got '1:30' \(text\)"),
        ("beam", np.float64(2), r"beam must be a whole number, got "),
        ("beam", 2.0, r"beam must be a whole number, got 2.0 \(a number\)"),
        ("patience", float("inf"), "patience must be a finite number, got inf"),
        ("patience", float("nan"), "patience must be a finite number, got nan"),
        ("patience", 10**400, "patience must be a number, got 1000"),
        ("patience", 0, "patience must be above 0, got 0.0"),
        ("bounds", [1.0], r"bounds must be a list of numbers, got \[1.0\]"),
        ("model", "a\0b", "model holds a NUL character"),
        ("model", 500, r"model must be text, got 500 \(a whole number\): put it in quotes"),
        ("source", "~nobody-of-this-name/x", "there is no such home folder: write the path out"),
        ("quick", {"a": 1}, "quick must be true or false, got {'a': 1} .keys with values."),
    ],
)
def test_values_that_do_not_fit_are_refused(name, value, message):
    with pytest.raises(InputError, match=message):
        typed_value(value, OPTIONS[name])


def test_a_list_that_holds_itself_is_refused():
    endless: list = []
    endless.append(endless)
    with pytest.raises(InputError, match="heads must be a list of whole numbers"):
        typed_value(endless, OPTIONS["heads"])


def test_words_are_read_as_yaml_reads_them():
    assert parse_words(["0500"], OPTIONS["beam"]) == 500
    assert parse_words(["1234"], OPTIONS["model"]) == "1234"
    assert parse_words([], OPTIONS["quick"]) is True
    assert parse_words(["2", "1"], OPTIONS["heads"]) == [2, 1]
    with pytest.raises(InputError, match="^--heads needs a list of whole numbers behind it, and there is no"):
        parse_words([], OPTIONS["heads"])
    with pytest.raises(InputError, match="beam takes one value, got 2: 1 2"):
        parse_words(["1", "2"], OPTIONS["beam"])
