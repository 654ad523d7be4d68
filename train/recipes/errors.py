"""Input that a recipe cannot use ends it with one line, as everywhere in this project."""

import sys

from fairseq2.recipe.cli import register_cli_error
from fairseq2.runtime.dependency import DependencyContainer

from foundation.errors import InputError


def register_input_errors(container: DependencyContainer) -> None:
    register_cli_error(container, InputError, report)


def report(error: InputError) -> int:
    """Prints the error and returns the exit status."""
    print(f"error: {error}", file=sys.stderr)
    return 1
