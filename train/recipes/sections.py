"""The keys of a recipe's configuration, read from the source of its dataclasses.

Each key has its docstring under its field, where only the source has it; and importing fairseq2 takes 10 s
that neither help nor a misspelt key should cost.
"""

import ast
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from foundation.options import unknown_name

# Packages whose classes are looked into.
PACKAGES = ("train", "models", "fairseq2")
# How fairseq2 deletes and replaces keys of its defaults.
DELETE, REPLACE = "_del_", "_set_"
# In place of the value of a key that is taken away.
DELETED: Any = object()
# What annotations of one value ask for, in words; others are left to fairseq2.
WANTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "Path": "a path",
    "None": "null",
}


@dataclass(frozen=True)
class Section:
    """What a configuration, or a part of it, can hold."""

    module: str
    summary: str
    keys: Mapping[str, "Key"]


@dataclass(frozen=True)
class Key:
    """One field. Annotation and default are as the source writes them."""

    annotation: str
    default: str | None  # None: it must be given
    help: str
    section: Section | None = field(default=None, repr=False)  # what stands below it; None: anything


@cache
def read_section(module: str, name: str) -> Section | None:
    """The section that a dataclass describes; None where the module has none of that name."""
    tree = _tree(module)
    if tree is None:
        return None
    found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    if not found or "dataclass" not in {_name(one) for one in found[0].decorator_list}:
        return None
    keys: dict[str, Key] = {}
    latest = None
    for node in found[0].body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            latest = node.target.id
            default = None if node.value is None else _default(node.value)
            keys[latest] = Key(ast.unparse(node.annotation), default, "", _inner(module, tree, node))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and latest is not None:
            keys[latest] = replace(keys[latest], help=" ".join(str(node.value.value).split()))
            latest = None
    return Section(module, (ast.get_docstring(found[0]) or "").split("\n\n")[0], keys)


def check_keys(values: Any, section: Section | None, place: str, path: str = "") -> None:
    """Raises InputError for a key that a section does not have, and for a value of another type.

    fairseq2 would take 2.5 for the whole number 2 without a word, and end in a traceback for most other
    types.
    place: what messages begin with; path: of the values in the whole configuration.
    """
    if isinstance(values, list):
        for number, one in enumerate(values):
            check_keys(one, section, place, f"{path}[{number}]")
    if section is None or not isinstance(values, dict):
        return
    for name, value in values.items():
        if name == DELETE:
            continue
        if name == REPLACE:
            check_keys(value, section, place, path)
            continue
        key = section.keys.get(name)
        if key is None:
            within = f"{path}: " if path else ""
            raise InputError(f"{place}: {within}{unknown_name('key', str(name), section.keys)}")
        inner = f"{path}.{name}" if path else name
        if not _fits(value, key.annotation, key.section is not None):
            kinds = [part.strip() for part in key.annotation.split("|")]
            wanted = " or ".join(WANTED.get(kind, _words(kind)) for kind in kinds)
            raise InputError(f"{place}: {inner} must be {wanted}, got {value!r:.100}")
        check_keys(value, key.section, place, inner)


def _fits(value: Any, annotation: str, has_section: bool) -> bool:
    """Whether fairseq2 makes a value of the annotation of this one, and the same; of unknown ones it may."""
    if value is DELETED or isinstance(value, str) and "${" in value:  # filled in by fairseq2
        return True
    for kind in (part.strip() for part in annotation.split("|")):
        if kind == "None":
            fits = value is None
        elif kind.startswith("list["):
            item = kind[5:-1]
            fits = isinstance(value, list) and all(_fits(one, item, has_section) for one in value)
        elif kind in WANTED:
            fits = _fits_one(value, kind)
        else:
            fits = not has_section or isinstance(value, dict)
        if fits:
            return True
    return False


def _fits_one(value: Any, kind: str) -> bool:
    if kind in ("str", "Path"):
        # The language no is false to our reader of YAML, and a text to that of fairseq2.
        return isinstance(value, str | Path) or kind == "str" and isinstance(value, bool)
    if kind == "bool" or isinstance(value, bool):
        return kind == "bool" and isinstance(value, bool)
    try:
        number = float(value)
        return kind == "float" or number.is_integer()
    except (TypeError, ValueError, OverflowError):
        return False


def _words(kind: str) -> str:
    """What a list or section is called."""
    if not kind.startswith("list["):
        return "keys with values"
    item = kind[5:-1]
    return f"a list, each entry {WANTED.get(item, 'keys with values')}"


@cache
def _tree(module: str) -> ast.Module | None:
    package, *rest = module.split(".")
    spec = importlib.util.find_spec(package)
    if package not in PACKAGES or spec is None or not spec.submodule_search_locations:
        return None
    file = Path(next(iter(spec.submodule_search_locations)), *rest).with_suffix(".py")
    if not file.is_file():
        return None
    return ast.parse(file.read_text(encoding="utf-8"))


def _inner(module: str, tree: ast.Module, field: ast.AnnAssign) -> Section | None:
    """The first class in an annotation that is a section: of `list[X]`, `X | None` and the like."""
    imported = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    for node in ast.walk(field.annotation):
        if isinstance(node, ast.Name):
            found = read_section(*imported.get(node.id, (module, node.id)))
            if found is not None:
                return found
    return None


def _name(decorator: ast.expr) -> str:
    return ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)


def _default(value: ast.expr) -> str:
    """A default as a person would write it; of a factory, what it makes."""
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "field":
        for keyword in value.keywords:
            if keyword.arg == "default_factory":
                made = keyword.value.body if isinstance(keyword.value, ast.Lambda) else keyword.value
                return {"list": "[]", "dict": "{}"}.get(ast.unparse(made), ast.unparse(made))
    return ast.unparse(value)
