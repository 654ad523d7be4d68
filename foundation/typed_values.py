"""Values of options as YAML or the command line give them -> the types that their fields name."""

import re
import types
from collections.abc import Sequence
from numbers import Number
from pathlib import Path, PurePath
from typing import Any

from foundation.errors import InputError
from foundation.files.yaml_files import parse_scalar
from foundation.options import TYPE_NAMES, Option


def typed_value(value: Any, option: Option, name: str | None = None) -> Any:
    """`value` in the type of `option`: a list becomes a tuple, a whole number a float where that is due.

    name: what messages call the option. Raises InputError that names the option, the value and the type or
    the bound.
    """
    name = option.name if name is None else name
    try:
        converted = _convert(value, option)
    except InputError:
        raise
    except (TypeError, ValueError, OverflowError):
        hint = ": put it in quotes" if option.type.value is str else ""
        raise InputError(
            f"{name} must be {option.type.name}, got {_short(value)} ({_kind(value)}){hint}"
        ) from None
    option.check(converted, name)
    return converted


def parse_words(words: Sequence[str], option: Option) -> Any:
    """The words behind a flag as the value that YAML would give. No word at all is true, for a switch.

    Raises InputError when there is none for another option, and when there are several but it takes one.
    """
    if not words:
        if option.type.value is not bool:
            raise InputError(f"{option.flag} needs {option.type.name} behind it, and there is nothing")
        return True
    is_list = option.type.is_list
    if len(words) > 1 and not is_list:
        raise InputError(f"{option.name} takes one value, got {len(words)}: {' '.join(words):.100}")
    if option.type.value in (str, Path):
        values: list[Any] = list(words)
    else:
        values = [parse_scalar(word) for word in words]
    return values if is_list else values[0]


def whole_number(word: str) -> int:
    """A whole number in decimal digits. Raises ValueError for anything else."""
    if not re.fullmatch(r"[-+]?[0-9](_?[0-9])*", word):
        raise ValueError
    return int(word)


def expanded(path: str) -> str:
    """A path with `~` at its beginning replaced by the home folder."""
    if not path.startswith("~"):
        return path
    try:
        return str(Path(path).expanduser())
    except RuntimeError:
        raise InputError(f"{path}: there is no such home folder: write the path out") from None


def _convert(value: Any, option: Option) -> Any:
    if value is None and option.type.is_optional:
        return None
    if not option.type.is_list:
        return _convert_one(value, option)
    items = value if isinstance(value, list | tuple) else [value]
    if option.type.length not in (None, len(items)):
        raise ValueError
    return tuple(_convert_one(item, option) for item in items)


def _convert_one(value: Any, option: Option) -> Any:
    kind, value = option.type.value, _plain(value)
    if kind is float and isinstance(value, int | float | str) and not isinstance(value, bool):
        return float(value)
    if kind is Path and isinstance(value, str):
        return Path(expanded(value))
    if type(value) is not kind:
        raise TypeError
    return expanded(value) if option.is_path else value


def _plain(value: Any) -> Any:
    """What Python code gives as well: a number of NumPy's, and a path in place of its text."""
    if isinstance(value, PurePath):
        return str(value)
    return value.item() if isinstance(value, Number) and hasattr(value, "item") else value


def _kind(value: Any) -> str:
    kinds = {**TYPE_NAMES, list: "a list", dict: "keys with values", types.NoneType: "nothing"}
    return kinds.get(type(value), type(value).__name__)


def _short(value: Any) -> str:
    try:
        shown = repr(value)
    except (RecursionError, ValueError):  # Python prints no number of more than 4,300 digits
        return "something too large to show"
    return shown if len(shown) <= 100 else f"{shown[:100]}..."
