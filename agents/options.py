"""Options on the command line, generated from frozen dataclasses, so that a default is written once."""

import dataclasses
import types
import typing
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any, TypeVar

Options = TypeVar("Options")


def add_options(parser: ArgumentParser, options_class: type, defaults: Mapping[str, Any]) -> None:
    """Add one flag for each field of a dataclass made with `models.translator.option`.

    defaults: what takes the place of the fields' own defaults, by name.
    """
    for field in dataclasses.fields(options_class):
        flag = "--" + field.name.replace("_", "-")
        kind = value_type(field.type)
        default = defaults.get(field.name, field.default)
        settings: dict[str, Any] = {"default": default, "help": _help(field, default)}
        if kind is bool:
            settings["action"] = "store_true"
        else:
            settings["type"] = int if kind is tuple else kind
            settings["choices"] = field.metadata.get("choices")
            if kind is tuple:
                settings["nargs"] = "+"
        parser.add_argument(flag, **settings)


def read_options(args: Namespace, options_class: type[Options]) -> Options:
    """The dataclass from parsed arguments. Raises InputError where its checks fail."""
    values = {field.name: getattr(args, field.name) for field in dataclasses.fields(options_class)}
    return options_class(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    )


def value_type(annotation: Any) -> type:
    """The plain type behind `int | None` or `tuple[int, ...]`."""
    if isinstance(annotation, types.UnionType):
        annotation = next(part for part in typing.get_args(annotation) if part is not type(None))
    return typing.get_origin(annotation) or annotation


def _help(field: dataclasses.Field, default: Any) -> str:
    # argparse reads % in help texts as a format.
    text = field.metadata["help"].replace("%", "%%")
    return text if default is None or field.type is bool else f"{text} (default: {default})"
