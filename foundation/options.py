"""Options: fields of frozen dataclasses. Default, help and bounds of each are written once, in the field.

    @dataclass(frozen=True)
    class SearchOptions:
        beam: int = option(1, "The beams for each stream; 1 is greedy search.", at_least=1, at_most=256)

Flags (`foundation.command_line`), keys of YAML (`foundation.typed_values`) and tables are generated from
them. An annotation is `X`, `X | None`, `tuple[X, ...]` or `tuple[X, X]`, with X one of str, int, float, bool
and Path.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from foundation.errors import InputError

# In place of a default: the option must be given.
REQUIRED = dataclasses.MISSING

# Whole numbers beyond fit into no tensor.
LARGEST = 2**63 - 1

TYPE_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}
LIST_NAMES = {
    str: "a list of texts",
    int: "a list of whole numbers",
    float: "a list of numbers",
    Path: "a list of paths",
}


def option(
    default: Any,
    help: str,
    choices: Sequence[str] | None = None,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    is_path: bool = False,
    metavar: str | tuple[str, ...] | None = None,
    positional: bool = False,
) -> Any:
    """A dataclass field that is also an option of commands and files.

    default: REQUIRED where there is none. at_least, above, at_most: bounds of a number, or of each in a list.
    is_path: a text that names a file or folder, where `~` is the home folder (paths of type Path need not
    say so). metavar: what help calls the value. positional: on the command line it has no flag.
    """
    bounds = {"at_least": at_least, "above": above, "at_most": at_most}
    shown = {"is_path": is_path, "metavar": metavar, "positional": positional}
    choices = None if choices is None else tuple(choices)
    return dataclasses.field(default=default, metadata={"help": help, "choices": choices, **bounds, **shown})


@dataclass(frozen=True)
class OptionType:
    """What an annotation says."""

    value: type  # of one value
    is_optional: bool = False  # None is allowed
    is_list: bool = False
    length: int | None = None  # of a list; None: any

    @property
    def name(self) -> str:
        """What a reader of a message or table should write."""
        return LIST_NAMES[self.value] if self.is_list else TYPE_NAMES[self.value]


@dataclass(frozen=True)
class Option:
    """One field of a class of options."""

    name: str
    type: OptionType
    default: Any = REQUIRED
    help: str = ""
    choices: tuple[str, ...] | None = None
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    is_path: bool = False
    metavar: str | tuple[str, ...] | None = None
    positional: bool = False

    @property
    def flag(self) -> str:
        """A name that is a word of Python's own ends in `_`, its flag does not: `from_` is --from."""
        return "--" + self.name.rstrip("_").replace("_", "-")

    def check(self, value: Any, name: str | None = None) -> None:
        """Raises InputError where a value of the right type is out of bounds. name: what messages call it."""
        name = self.name if name is None else name
        if value is None or isinstance(value, bool):
            return
        for one in value if isinstance(value, tuple) else (value,):
            if self.choices and one not in self.choices:
                raise InputError(f"{name} must be one of {', '.join(self.choices)}, got {one!r:.100}")
            if isinstance(one, int | float):
                self._check_number(one, name)
            elif isinstance(one, str | Path):
                _check_text(str(one), name)

    def _check_number(self, number: float, name: str) -> None:
        if isinstance(number, float) and not math.isfinite(number):
            raise InputError(f"{name} must be a finite number, got {number}")
        shown = _digits(number)
        most = LARGEST if self.at_most is None and isinstance(number, int) else self.at_most
        if self.at_least is not None and number < self.at_least:
            raise InputError(f"{name} must be at least {_plain(self.at_least)}, got {shown}")
        if self.above is not None and number <= self.above:
            raise InputError(f"{name} must be above {_plain(self.above)}, got {shown}")
        if most is not None and number > most or isinstance(number, int) and number < -LARGEST:
            fault = f"at most {_plain(most)}" if number > 0 else f"at least {-LARGEST}"
            raise InputError(f"{name} must be {fault}, got {shown}")


@cache
def options_of(options_class: type) -> dict[str, Option]:
    """The options of a class by name, in the order of its fields. Raises TypeError for other annotations."""
    fields = dataclasses.fields(options_class)
    # Postponed annotations are texts.
    postponed = any(isinstance(field.type, str) for field in fields)
    hints = typing.get_type_hints(options_class) if postponed else {}
    return {
        field.name: Option(
            field.name, option_type(hints.get(field.name, field.type)), field.default, **field.metadata
        )
        for field in fields
    }


def option_type(annotation: Any) -> OptionType:
    """Reads `int`, `int | None`, `tuple[int, ...]`, `tuple[float, float] | None` and the like."""
    is_optional = False
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        plain = [part for part in typing.get_args(annotation) if part is not types.NoneType]
        is_optional = len(plain) < len(typing.get_args(annotation))
        if len(plain) != 1:
            raise TypeError(f"an option has one type, and perhaps None, got {annotation}")
        annotation = plain[0]
    if typing.get_origin(annotation) is tuple:
        values = typing.get_args(annotation)
        length = None if values[-1] is Ellipsis else len(values)
        return OptionType(_known(values[0]), is_optional, True, length)
    return OptionType(_known(annotation), is_optional)


def check_options(options: Any) -> None:
    """Raises InputError where a field of an object of options is out of its bounds; for `__post_init__`."""
    for one in options_of(type(options)).values():
        one.check(getattr(options, one.name))


def unknown_name(kind: str, name: Any, known: Iterable[str], otherwise: str | None = None) -> InputError:
    """The error for a name that is none of those known: it offers the nearest.

    name: of any type, as a key of YAML may be. otherwise: the hint where none is near; as a rule all that are
    known.
    """
    known = list(known)
    close = get_close_matches(str(name), known, n=1)
    if close:
        hint = f"did you mean {close[0]!r}?"
    else:
        hint = f"give one of {', '.join(known)}" if otherwise is None else otherwise
    return InputError(f"there is no {kind} {name!r:.100}: {hint}")


def _known(annotation: Any) -> type:
    if annotation not in TYPE_NAMES:
        raise TypeError(f"no option can be of type {annotation}: take str, int, float, bool or Path")
    return annotation


def _check_text(text: str, name: str) -> None:
    if "\0" in text:
        raise InputError(f"{name} holds a NUL character, got {text!r:.100}: take it out")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise InputError(f"{name} holds bytes that are not UTF-8, got {text!r:.100}: rename it") from None


def _plain(number: float | None) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


def _digits(number: float) -> str:
    """A number for messages: of 400 digits nobody needs to see all."""
    try:
        shown = repr(number)
    except ValueError:  # Python prints no more than 4,300
        return "a number of more than 4300 digits"
    return shown if len(shown) <= 30 else f"{shown[:12]}... ({len(shown)} digits)"
