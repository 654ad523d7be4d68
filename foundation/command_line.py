"""The command line of a class of options: each field is a flag, its default and help written once."""

import argparse
import dataclasses
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

from foundation.errors import InputError
from foundation.options import REQUIRED, Option, options_of

Options = TypeVar("Options")

KEYS_EPILOG = "--KEY VALUE sets any other option, whatever a file says; `simulst options` lists them."


def add_options(parser: ArgumentParser, options_class: type, defaults: Mapping[str, Any]) -> None:
    """Add one flag for each option; defaults: what takes the place of the fields' own, by name."""
    options = options_of(options_class).values()
    # What must be given comes first.
    has_files = any(one.positional for one in options)
    for one in sorted(options, key=lambda one: one.default is not REQUIRED):
        _add(parser, one, defaults.get(one.name, one.default), has_files)


def read_options(args: Namespace, options_class: type[Options]) -> Options:
    """The options from parsed arguments. Raises InputError for what is out of bounds, naming the flag."""
    values = {}
    for one in options_of(options_class).values():
        value = getattr(args, one.name)
        values[one.name] = tuple(value) if isinstance(value, list) else value
        one.check(values[one.name], one.metavar if one.positional and one.metavar else one.flag)
    return options_class(**values)


def parse(options_class: type[Options], program: str, description: str, arguments: Sequence[str]) -> Options:
    """The options that the arguments give. Raises InputError where the class's own checks fail."""
    return read_options(_parser(options_class, program, description).parse_args(arguments), options_class)


def parse_with_keys(
    options_class: type[Options], program: str, description: str, arguments: Sequence[str]
) -> tuple[Options, dict[str, list[str]]]:
    """The same for `FILE [--FLAG ...] [--KEY VALUE ...]`: the options, and the words behind other keys.

    Where the class takes several files, all come first; or last, behind `--`, which names that begin
    with a dash need.
    """
    parser = _parser(options_class, program, description, KEYS_EPILOG)
    parser.usage = parser.format_usage().removeprefix("usage: ").strip().replace("%", "%%")
    parser.usage += " [--KEY VALUE ...]"
    if {"-h", "--help"} & set(arguments):
        parser.parse_args(["--help"])
    # A command may go without its file: `simulst evaluate --rescore DIR`.
    options = options_of(options_class).values()
    several = any(one.positional and one.type.is_list for one in options)
    divided = [*arguments, "--"].index("--")
    arguments, behind = arguments[:divided], arguments[divided + 1 :]
    first = arguments if several else arguments[:1]
    files = list(takewhile(lambda word: not word.startswith("--"), first))
    try:
        keys = read_flags(arguments[len(files) :])
    except ValueError as error:
        parser.error(str(error))
    keys_of = {one.flag[2:].replace("-", "_"): one.flag for one in options if not one.positional}
    own = [word for key, flag in keys_of.items() if key in keys for word in (flag, *keys.pop(key))]
    words = [*own, "--", *files, *behind] if behind else [*files, *own]
    return read_options(parser.parse_args(words), options_class), keys


def read_flags(words: Sequence[str]) -> dict[str, list[str]]:
    """`--beam 3 --attention-heads 1 2 --no-use-ref-len` -> the words behind each flag, by its key.

    Raises ValueError for a word that belongs to no flag, and for a flag that is given twice.
    """
    flags: dict[str, list[str]] = {}
    current: list[str] | None = None
    for word in words:
        if word.startswith("--") and word != "--":
            name, equals, value = word[2:].partition("=")
            key = name.replace("-", "_")
            if key in flags:
                raise ValueError(f"--{name} is given twice: give it once, with all of its values")
            current = flags[key] = [value] if equals else []
        elif current is None:
            raise ValueError(f"{word!r} belongs to no --KEY")
        else:
            current.append(word)
    return flags


def settings_of(options: Any) -> dict[str, Any]:
    """The options that a result depends on, for JSON: not where it goes, nor how the work is done."""
    without = ("output", "overwrite", "jobs", "executor", "device")
    values = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}
    return {name: _plain(value) for name, value in values.items() if name not in without}


def at_least(least: float, **values: float | None) -> None:
    """Raises InputError, naming the flag, for a value below `least`, another option's value. None passes."""
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


def _parser(options_class: type, program: str, description: str, epilog: str | None = None) -> ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program, description=description.replace("%", "%%"), epilog=epilog, allow_abbrev=False
    )
    add_options(parser, options_class, {})
    return parser


def _add(parser: ArgumentParser, option: Option, default: Any, has_files: bool) -> None:
    settings: dict[str, Any] = {"help": _help(option, default)}
    is_required = default is REQUIRED
    if option.type.value is bool and has_files:
        # A word behind it is a file.
        parser.add_argument(option.flag, action="store_true", dest=option.name, default=default, **settings)
        return
    if option.type.value is bool:
        settings |= {"nargs": "?", "const": True, "type": _truth, "metavar": "true|false"}
        parser.add_argument(option.flag, dest=option.name, default=default, **settings)
        return
    settings |= {"type": _reader(option), "choices": option.choices, "metavar": option.metavar}
    settings["default"] = None if is_required else default
    if option.type.is_list:
        settings["nargs"] = option.type.length or ("*" if option.positional and not is_required else "+")
    if option.positional:
        if not is_required:
            settings.setdefault("nargs", "?")
        parser.add_argument(option.name, **settings)
    else:
        parser.add_argument(option.flag, required=is_required, dest=option.name, **settings)


def _truth(word: str) -> bool:
    try:
        return {"true": True, "false": False}[word.lower()]
    except KeyError:
        raise ArgumentTypeError(f"must be true or false, got {word[:100]!r}") from None


def _reader(option: Option) -> Any:
    """What makes one value of a word. A flag is read as the key of a file is."""

    def read(word: str) -> Any:
        # Imported only where there is something to read: it brings PyYAML.
        from foundation.typed_values import expanded, whole_number

        kind = option.type.value
        try:
            if kind is int:
                return whole_number(word)
            if kind is float:
                return float(word)
            path = expanded(word) if kind is Path or option.is_path else word
        except InputError as error:
            raise ArgumentTypeError(str(error)) from None
        except ValueError:
            raise ArgumentTypeError(f"invalid {kind.__name__} value: {word[:100]!r}") from None
        return Path(path) if kind is Path else path

    return read


def _help(option: Option, default: Any) -> str:
    text = option.help.replace("%", "%%")  # argparse reads % in help texts as a format
    if default is REQUIRED or default is None or default is False or default == () or default == "":
        return text
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
    return f"{text} (default: {str(shown).replace('%', '%%')})"


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
