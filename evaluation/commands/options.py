"""simulst options: all keys of an evaluation file, as a Markdown table (the one in the README)."""

from typing import Any

from agents.configuration.agent_files import agent_names, find_agent
from evaluation.commands.options_arguments import OptionsArguments
from evaluation.configuration.evaluation_file import SHARED_OPTIONS
from foundation.options import Option, options_of

HEADER = ("key", "value", "default", "meaning")


def run(options: OptionsArguments) -> None:
    print(option_table())


def option_table() -> str:
    """Options of all agents first, then those of each policy, and the defaults that its agent changes."""
    shared = {name: one for options in SHARED_OPTIONS for name, one in options_of(options).items()}
    lines = [f"| {' | '.join(HEADER)} |", "|---" * len(HEADER) + "|"]
    names = ", ".join(agent_names())
    lines.append(f"| `agent` | text |  | one of {names}; or the path of an agent file (.py) |")
    for title, classes in (("test set and scores", SHARED_OPTIONS[:1]), ("every agent", SHARED_OPTIONS[1:])):
        options = [one for options_class in classes for one in options_of(options_class).values()]
        lines += _group(title, [_row(one, one.default, one.help) for one in options])
    for name in agent_names():
        agent = find_agent(name)
        rows = [_row(one, one.default, one.help) for one in options_of(agent.policy_class).values()]
        rows += [_row(shared[key], default, "see above") for key, default in agent.defaults.items()]
        lines += _group(f"agent {name}", rows)
    return "\n".join(lines)


def _group(title: str, rows: list[str]) -> list[str]:
    return [f"| *{title}* | | | |", *rows] if rows else []


def _row(option: Option, default: Any, meaning: str) -> str:
    value = f"one of {', '.join(option.choices)}" if option.choices else option.type.name
    return f"| `{option.name}` | {value} | {_default(default)} | {meaning} |"


def _default(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value)
