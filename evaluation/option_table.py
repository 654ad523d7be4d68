"""simulst options: all keys of an evaluation file, as a Markdown table (the one in the README)."""

import argparse
import dataclasses
from collections.abc import Sequence
from typing import Any

from evaluation.agent_files import agent_names, find_agent
from evaluation.configuration import SHARED_OPTIONS
from evaluation.option_values import type_name

HEADER = ("key", "value", "default", "meaning")


def main(arguments: Sequence[str]) -> None:
    description = "List all keys of an evaluation file; with dashes they are flags of the command line."
    argparse.ArgumentParser(prog="simulst options", description=description).parse_args(arguments)
    print(option_table())


def option_table() -> str:
    """Options of all agents first, then those of each policy, and the defaults that its agent changes."""
    shared = {field.name: field for options in SHARED_OPTIONS for field in dataclasses.fields(options)}
    lines = [f"| {' | '.join(HEADER)} |", "|---" * len(HEADER) + "|"]
    names = ", ".join(agent_names())
    lines.append(f"| `agent` | text |  | one of {names}; or the path of an agent file (.py) |")
    for title, classes in (("test set and scores", SHARED_OPTIONS[:1]), ("every agent", SHARED_OPTIONS[1:])):
        fields = [field for options_class in classes for field in dataclasses.fields(options_class)]
        lines += _group(title, [_row(field, field.default, field.metadata["help"]) for field in fields])
    for name in agent_names():
        agent = find_agent(name)
        fields = dataclasses.fields(agent.policy_class)
        rows = [_row(field, field.default, field.metadata["help"]) for field in fields]
        rows += [_row(shared[key], default, "see above") for key, default in agent.defaults.items()]
        lines += _group(f"agent {name}", rows)
    return "\n".join(lines)


def _group(title: str, rows: list[str]) -> list[str]:
    return [f"| *{title}* | | | |", *rows] if rows else []


def _row(field: dataclasses.Field, default: Any, meaning: str) -> str:
    choices = field.metadata["choices"]
    value = f"one of {', '.join(choices)}" if choices else type_name(field.type)
    return f"| `{field.name}` | {value} | {_default(default)} | {meaning} |"


def _default(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value)
