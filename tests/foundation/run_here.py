"""Runs a command in this process, so that its InputError reaches the test."""

from collections.abc import Sequence

from foundation.command_line import parse
from foundation.commands import Command, load


def run_here(command: Command, arguments: Sequence[str]) -> None:
    load(command.run)(parse(load(command.options), "command", command.summary, list(arguments)))
