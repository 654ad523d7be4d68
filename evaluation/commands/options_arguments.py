"""The command line of `simulst options`, which takes nothing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OptionsArguments:
    """The command takes no arguments."""
