"""Commands, groups of them, and what runs them: help, exit status, and one line for each error.

A command names a class of options in a module that is quick to import, and a function in one that may not be:
the latter is imported once the arguments are known to be good, so that help and refusals come at once.

Exit status: 2 wrong usage, and those of `foundation.command_end`.
"""

import importlib
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foundation.command_end import exit_status
from foundation.command_line import parse, parse_with_keys
from foundation.options import unknown_name

HELP = ("-h", "--help")


@dataclass(frozen=True)
class Command:
    """One command. Names are MODULE:NAME."""

    summary: str  # in the list of commands, and the description of its own help
    run: str  # function of the options; its exit status is 0 where it returns None
    options: str | None = None  # class of options; None: `run` gets the words as they are
    takes_keys: bool = False  # `--KEY VALUE` for any other key: `run` gets the options, and words by key
    continues: bool = False  # after an interruption the same command goes on where it was


@dataclass(frozen=True)
class CommandGroup:
    """Commands behind one name."""

    summary: str
    commands: str  # MODULE:NAME of the mapping


Commands = Mapping[str, Command | CommandGroup]


def dispatch(
    program: str, commands: Commands, arguments: Sequence[str], version: str | None = None, epilog: str = ""
) -> int:
    """Run one of the commands and return the exit status. version: what --version prints."""
    name, *rest = list(arguments) or ["--help"]
    if name in HELP:
        return exit_status(lambda: print(_usage(program, commands, version, epilog)))
    if name == "--version" and version is not None:
        return exit_status(lambda: print(version))
    command = commands.get(name)
    if command is None:
        print(f"error: {unknown_name('command', name, commands)}", file=sys.stderr)
        return 2
    if isinstance(command, CommandGroup):
        return dispatch(f"{program} {name}", load(command.commands), rest)
    return run_command(f"{program} {name}", command, rest)


def run_command(program: str, command: Command, arguments: Sequence[str]) -> int:
    """Run a command and return its exit status."""
    _print_any_text()
    more = ": the same command continues" if command.continues else ""
    return exit_status(lambda: _run(program, command, arguments), f"interrupted{more}")


def load(name: str) -> Any:
    """What MODULE:NAME names."""
    module, _, attribute = name.partition(":")
    with warnings.catch_warnings():
        # Of pydub, which SimulEval imports: Python 3.12 shows the first until it has compiled that once, and
        # we convert nothing by ffmpeg.
        warnings.filterwarnings("ignore", "invalid escape sequence", SyntaxWarning)
        warnings.filterwarnings("ignore", "Couldn't find ffmpeg", RuntimeWarning)
        return getattr(importlib.import_module(module), attribute)


def _run(program: str, command: Command, arguments: Sequence[str]) -> int | None:
    if command.options is None:
        return load(command.run)(list(arguments))
    options_class, description = load(command.options), _sentence(command.summary)
    if command.takes_keys:
        given = parse_with_keys(options_class, program, description, arguments)
    else:
        given = (parse(options_class, program, description, arguments),)
    return load(command.run)(*given)


def _print_any_text() -> None:
    """Print characters that the terminal's encoding lacks as escapes, instead of ending in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "") != "utf8":
            stream.reconfigure(errors="backslashreplace")


def _usage(program: str, commands: Commands, version: str | None, epilog: str) -> str:
    width = max(map(len, commands))
    lines = [f"  {name:{width}}  {command.summary}" for name, command in commands.items()]
    versions = "" if version is None else f"\n       {program} --version"
    more = "\n".join(filter(None, [f"{program} COMMAND --help tells more.", epilog]))
    return "\n".join([f"usage: {program} COMMAND ...{versions}", "", *lines, "", more])


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."
