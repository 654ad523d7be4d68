"""YAML as this project reads it: keys with values, each key once, numbers as they look.

PyYAML reads YAML 1.1, where 0500 is 320 (octal), 1:30 is 90 (base 60), 1e-3 is a text and 2020-13-45 ends in
a traceback. Here digits are decimal numbers: 0500 is 500 and 1e-3 is a number; 1:30, 0x1F and dates are
texts, which options of numbers refuse. Whatever else PyYAML raises is one InputError.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from foundation.errors import InputError

# Deeper files come from no person, and PyYAML calls itself for each level.
DEEPEST = 50

_INTEGER = re.compile(r"[-+]?[0-9](_?[0-9])*")
_FLOAT = re.compile(
    r"[-+]?(?:(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)"
)
_REPLACED = tuple(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "timestamp"))


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys and values of a file. Raises InputError for anything else, and for a key given twice."""
    values = load_yaml(_text(path), str(path))
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InputError(f"{path} must hold lines of the form `key: value`")
    return values


def read_yaml_list(path: Path) -> list[Any]:
    """The entries of a file that is a list, by the parser in C, where PyYAML has it: it is ten times as fast.

    Raises InputError for anything else.
    """
    values = load_yaml(_text(path), str(path), _CLoader)
    if not isinstance(values, list):
        raise InputError(f"{path} must hold a list, lines of the form `- ...`")
    return values


def load_yaml(text: str, place: str, loader: type | None = None) -> Any:
    """What a text in YAML says. Raises InputError that begins with `place`."""
    with _one_error(place):
        return yaml.load(text, loader or _Loader)


def dump_yaml(values: Mapping[str, Any]) -> str:
    """Text that both this module and PyYAML read as these keys and values."""
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def parse_scalar(word: str) -> Any:
    """One word as YAML would read it; a text where it would be no value."""
    try:
        return load_yaml(word, "")
    except InputError:
        return word


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist (relative paths start from {Path.cwd()})") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise InputError(f"{path} is no text file: give one in YAML") from None
    except (OSError, ValueError) as error:  # no permission, a name too long, a NUL in it
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({reason}): correct the path") from None


@contextmanager
def _one_error(place: str) -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise InputError(f"{place} is no valid YAML: its brackets are nested too deep") from None
    except yaml.YAMLError as error:
        raise InputError(f"{place} is no valid YAML: {' '.join(str(error).split())}") from None
    except Exception as error:  # what a tag such as !!int or !!timestamp does with a value of another kind
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{place} is no valid YAML: a value does not fit its tag ({reason})") from None


class _Rules:
    """What differs from PyYAML, for its loader in Python and that in C."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.composer.ComposerError(None, None, "its brackets are nested too deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    problem = f"key {key.value!r} is given twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                keys.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_whole_number(self, node: yaml.ScalarNode) -> int:
        if not _INTEGER.fullmatch(node.value):  # by a tag
            raise ValueError(f"{node.value!r} is no whole number")
        return int(node.value)

    def construct_number(self, node: yaml.ScalarNode) -> float:
        word = node.value.lower()
        return float(word.replace(".inf", "inf") if "inf" in word else word.replace(".nan", "nan"))


def _with_rules(base: type) -> type:
    loader = type("_Loader", (_Rules, base), {})
    loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _REPLACED]
        for first, resolvers in base.yaml_implicit_resolvers.items()
    }
    digits = list("-+0123456789")
    loader.add_implicit_resolver(_REPLACED[0], re.compile(f"(?:{_INTEGER.pattern})$"), digits)
    loader.add_implicit_resolver(_REPLACED[1], re.compile(f"(?:{_FLOAT.pattern})$"), [*digits, "."])
    loader.add_constructor(_REPLACED[0], _Rules.construct_whole_number)
    loader.add_constructor(_REPLACED[1], _Rules.construct_number)
    return loader


class _Dumper(yaml.SafeDumper):
    """Puts texts into quotes that either reader would take for something else."""


_Loader = _with_rules(yaml.SafeLoader)
_CLoader = _with_rules(getattr(yaml, "CSafeLoader", yaml.SafeLoader))
_Dumper.add_implicit_resolver(_REPLACED[1], re.compile(f"(?:{_FLOAT.pattern})$"), list("-+.0123456789"))
_Dumper.add_implicit_resolver(_REPLACED[0], re.compile(f"(?:{_INTEGER.pattern})$"), list("-+0123456789"))
