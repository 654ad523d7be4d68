"""The command line of `simulst export-scoring`, checked before anything slow is imported."""

from dataclasses import dataclass
from pathlib import Path

from foundation.options import REQUIRED, option


@dataclass(frozen=True)
class ExportScoringArguments:
    """A run, and what it heard as text."""

    run: Path = option(REQUIRED, "The folder of a finished run.", metavar="RUN", positional=True)
    source_text: Path = option(
        REQUIRED, "What is said, in one line for each reference of the test set.", metavar="FILE"
    )
    output: Path = option(REQUIRED, "The folder to make.", metavar="DIR")
    overwrite: bool = option(False, "Replace an earlier export in that folder.")
