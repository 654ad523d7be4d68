"""What makes a folder a result: SimulEval's log, and what the run was made with."""

from pathlib import Path
from typing import Any

import yaml

from models.errors import InputError

LOG = "instances.log"  # SimulEval's: without it a folder is no result
CONFIGURATION = "evaluation.yaml"


def read_configuration(run: Path) -> dict[str, Any]:
    """What a run says about itself; nothing where it comes from SimulEval alone.

    Raises InputError when the file is damaged.
    """
    return read_values(run / CONFIGURATION, f"remove {run}, and run it again")


def read_values(file: Path, mend: str) -> dict[str, Any]:
    """Keys and values of a YAML file; none without the file. Raises InputError, which says `mend`."""
    if not file.is_file():
        return {}
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    # PyYAML raises more than its own errors.
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise InputError(f"{file} is damaged: {mend}")
    return values
