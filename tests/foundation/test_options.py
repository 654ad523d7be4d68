"""What annotations mean, and what bounds refuse."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import pytest

from foundation.errors import InputError
from foundation.options import OptionType, check_options, option, option_type, options_of, unknown_name


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, OptionType(int)),
        (int | None, OptionType(int, is_optional=True)),
        (Optional[Path], OptionType(Path, is_optional=True)),  # noqa: UP045
        (tuple[str, ...], OptionType(str, is_list=True)),
        (tuple[int, ...] | None, OptionType(int, is_optional=True, is_list=True)),
        (tuple[float, float], OptionType(float, is_list=True, length=2)),
    ],
)
def test_annotations_are_read_alike_everywhere(annotation, expected):
    assert option_type(annotation) == expected


@pytest.mark.parametrize("annotation", [dict, list[int], int | str, tuple[dict, ...], complex])
def test_an_annotation_that_no_flag_can_have_is_refused(annotation):
    with pytest.raises(TypeError):
        option_type(annotation)


@dataclass(frozen=True)
class Postponed:
    beam: "int" = option(1, "beams", at_least=1, at_most=256)
    heads: "tuple[int, ...] | None" = option(None, "heads", at_least=1)
    model: "str" = option("m", "model")
    plain: "float" = 0.5


def test_postponed_annotations_are_read_too():
    assert options_of(Postponed)["heads"].type == OptionType(int, is_optional=True, is_list=True)
    assert options_of(Postponed)["plain"].help == ""


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"beam": 100_000}, "beam must be at most 256, got 100000"),
        ({"beam": 0}, "beam must be at least 1, got 0"),
        ({"heads": (1, 0)}, "heads must be at least 1, got 0"),
        (
            {"heads": (10**400,)},
            r"heads must be at most 9223372036854775807, got 100000000000... \(401 digits\)",
        ),
        ({"plain": float("inf")}, "plain must be a finite number, got inf"),
        ({"plain": float("nan")}, "plain must be a finite number, got nan"),
        ({"model": "a\0b"}, r"model holds a NUL character, got 'a\\x00b': take it out"),
        ({"model": "a\udcff"}, "model holds bytes that are not UTF-8"),
    ],
)
def test_values_out_of_bounds_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        check_options(Postponed(**values))


def test_values_within_bounds_pass():
    check_options(Postponed(beam=256, heads=(1, 8), model="größe"))


def test_an_unknown_name_gets_the_nearest_or_all():
    assert (
        str(unknown_name("key", "tsk", ["task", "source"])) == "there is no key 'tsk': did you mean 'task'?"
    )
    assert str(unknown_name("key", "xyz", ["task", "source"])) == (
        "there is no key 'xyz': give one of task, source"
    )
    assert str(unknown_name("key", "xyz", ["task"], "see below")) == "there is no key 'xyz': see below"
