"""Options of a command from a frozen dataclass: each field is a flag, its default and help written once."""

import argparse
import dataclasses
import types
import typing
from collections.abc import Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import Any, TypeVar

from models.errors import InputError

Options = TypeVar("Options")


def option(
    help: str, default: Any = MISSING, choices: Sequence[str] | None = None, metavar: str | None = None
) -> Any:
    """A field that is also a flag; without default the flag must be given."""
    return dataclasses.field(default=default, metadata={"help": help, "choices": choices, "metavar": metavar})


def parse(options_class: type[Options], program: str, description: str, arguments: Sequence[str]) -> Options:
    """The options that the arguments give. Raises InputError where the class's own checks fail."""
    parser = argparse.ArgumentParser(prog=program, description=description, allow_abbrev=False)
    fields = dataclasses.fields(options_class)
    for field in sorted(fields, key=lambda field: field.default is not MISSING):  # what must be given first
        _add(parser, field)
    values = vars(parser.parse_args(arguments))
    return options_class(**{name: _frozen(value) for name, value in values.items()})


def settings_of(options: Any) -> dict[str, Any]:
    """The options that a result depends on, for JSON: not where it goes, nor how the work is done."""
    without = ("output", "overwrite", "jobs", "executor", "device")
    values = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}
    return {name: _plain(value) for name, value in values.items() if name not in without}


def at_least(least: float, **values: float | None) -> None:
    """Raises InputError, naming the flag, for a value below `least`. None passes."""
    for name, value in values.items():
        if value is not None and not value >= least:
            raise InputError(f"--{name.replace('_', '-')} must be at least {least:g}, got {value:g}")


def named_values(flag: str, words: Sequence[str], needs_value: bool = False) -> dict[str, str]:
    """Words NAME=VALUE as a mapping; NAME alone stands for NAME=NAME where no value is needed.

    Raises InputError, naming the flag, for a word without name or value, and for a name given twice.
    """
    values: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or (equals and not value) or (needs_value and not equals):
            raise InputError(f"{flag} takes NAME=VALUE, got {word!r}")
        if name in values:
            raise InputError(f"{flag} names {name!r} twice: give it once")
        values[name] = value or name
    return values


def _add(parser: argparse.ArgumentParser, field: dataclasses.Field) -> None:
    kind, is_list = _type(field.type)
    required = field.default is MISSING
    settings: dict[str, Any] = {"help": _help(field)}
    if kind is bool:
        settings["action"] = "store_true"
    else:
        settings |= {"type": kind, "required": required, "choices": field.metadata["choices"]}
        settings["metavar"] = field.metadata["metavar"]
        settings["default"] = None if required else field.default
        if is_list:
            settings["nargs"] = "+"
    parser.add_argument("--" + field.name.replace("_", "-"), **settings)


def _type(annotation: Any) -> tuple[type, bool]:
    """The type of one value, and whether there are several, of `int | None` or `tuple[int, ...]`."""
    if isinstance(annotation, types.UnionType):
        annotation = next(part for part in typing.get_args(annotation) if part is not types.NoneType)
    if typing.get_origin(annotation) is tuple:
        return typing.get_args(annotation)[0], True
    return annotation, False


def _help(field: dataclasses.Field) -> str:
    text = field.metadata["help"].replace("%", "%%")  # argparse reads % in help texts as a format
    value = field.default
    if value is MISSING or value is None or value is False or value == () or value == "":
        return text
    shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
    return f"{text} (default: {str(shown).replace('%', '%%')})"


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
