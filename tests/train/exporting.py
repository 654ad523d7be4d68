"""`simulst export` in this process."""

from collections.abc import Sequence

from foundation.command_line import parse
from train.export_command import run
from train.export_options import ExportOptions


def export(arguments: Sequence[str]) -> None:
    """Raises InputError as the command does."""
    run(parse(ExportOptions, "simulst export", "Export.", arguments))
