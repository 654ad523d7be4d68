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
    """Options of all agents first, then those of each policy."""
    agents = [(f"agent {name}", find_agent(name).policy_class) for name in agent_names()]
    groups = [("test set and scores", SHARED_OPTIONS[:1]), ("every agent", SHARED_OPTIONS[1:])]
    groups += [(title, (policy,)) for title, policy in agents]
    lines = [f"| {' | '.join(HEADER)} |", "|---" * len(HEADER) + "|"]
    names = ", ".join(agent_names())
    lines.append(f"| `agent` | text |  | one of {names}; or the path of an agent file (.py) |")
    for title, classes in groups:
        fields = [field for options_class in classes for field in dataclasses.fields(options_class)]
        if fields:
            lines.append(f"| *{title}* | | | |")
        lines += [_row(field) for field in fields]
    return "\n".join(lines)


def _row(field: dataclasses.Field) -> str:
    choices = field.metadata["choices"]
    value = f"one of {', '.join(choices)}" if choices else type_name(field.type)
    return f"| `{field.name}` | {value} | {_default(field.default)} | {field.metadata['help']} |"


def _default(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value)
