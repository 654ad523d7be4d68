"""Values of options as YAML or the command line give them -> the types that dataclass fields name."""

import dataclasses
import math
import types
import typing
from collections.abc import Sequence
from typing import Any

import yaml

from models.errors import InputError

TYPE_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
LIST_NAMES = {str: "a list of texts", int: "a list of whole numbers", float: "a list of numbers"}


def typed_value(value: Any, field: dataclasses.Field) -> Any:
    """`value` in the type of `field`: a list becomes a tuple, a whole number a float where that is due.

    Raises InputError that names the field, the value and the type.
    """
    try:
        converted = _convert(value, field.type)
    except (TypeError, ValueError):
        hint = ": put it in quotes" if _takes_text(field.type) else ""
        raise InputError(
            f"{field.name} must be {type_name(field.type)}, got {value!r} ({_kind(value)}){hint}"
        ) from None
    choices = field.metadata.get("choices")
    if choices and converted is not None and converted not in choices:
        raise InputError(f"{field.name} must be one of {', '.join(choices)}, got {value!r}")
    return converted


def parse_words(words: Sequence[str], field: dataclasses.Field) -> Any:
    """The words behind a flag as the value that YAML would give. No word at all is true.

    Raises InputError when there are several but the field takes one.
    """
    if not words:
        return True
    is_list = typing.get_origin(_without_none(field.type)) is tuple
    if len(words) > 1 and not is_list:
        raise InputError(f"{field.name} takes one value, got {len(words)}: {' '.join(words)}")
    if _takes_text(field.type):
        values = list(words)
    else:
        values = [_parse(word) for word in words]
    return values if is_list else values[0]


def type_name(annotation: Any) -> str:
    """What a reader of a message or table should write."""
    plain = _without_none(annotation)
    if typing.get_origin(plain) is tuple:
        return LIST_NAMES[typing.get_args(plain)[0]]
    return TYPE_NAMES[plain]


def _parse(word: str) -> Any:
    try:
        return yaml.safe_load(word)
    except yaml.YAMLError:
        return word


def _convert(value: Any, annotation: Any) -> Any:
    plain = _without_none(annotation)
    if value is None and plain is not annotation:
        return None
    if typing.get_origin(plain) is tuple:
        items = value if isinstance(value, list | tuple) else [value]
        return tuple(_convert(item, typing.get_args(plain)[0]) for item in items)
    if plain is float and isinstance(value, int | float | str) and not isinstance(value, bool):
        number = float(value)  # YAML 1.1 reads 1e-3, without a point, as text
        if math.isnan(number):
            raise ValueError
        return number
    if type(value) is not plain:
        raise TypeError
    return value


def _without_none(annotation: Any) -> Any:
    if isinstance(annotation, types.UnionType):
        return next(part for part in typing.get_args(annotation) if part is not types.NoneType)
    return annotation


def _takes_text(annotation: Any) -> bool:
    plain = _without_none(annotation)
    return plain is str or str in typing.get_args(plain)


def _kind(value: Any) -> str:
    kinds = {**TYPE_NAMES, list: "a list", dict: "keys with values", types.NoneType: "nothing"}
    return kinds.get(type(value), type(value).__name__)
