"""The command line of `simulst import-scoring`, checked before anything slow is imported."""

from dataclasses import dataclass
from pathlib import Path

from evaluation.metrics.metric_names import RESAMPLED_METRICS
from foundation.errors import InputError
from foundation.options import REQUIRED, option


@dataclass(frozen=True)
class ImportScoringArguments:
    """A run, and scores of its texts."""

    run: Path = option(REQUIRED, "The folder of a finished run.", metavar="RUN", positional=True)
    scores: Path = option(
        REQUIRED,
        "What comet-score printed, or a table with the columns index and score, with tabs between them.",
        metavar="FILE.tsv",
        positional=True,
    )
    metric: str = option(REQUIRED, "The name of these scores in tables, as XCOMET-XL.", metavar="NAME")

    def __post_init__(self) -> None:
        if not self.metric.strip() or self.metric in RESAMPLED_METRICS or set(self.metric) & set("\t\n "):
            raise InputError(
                f"--metric {self.metric!r} cannot name imported scores: give another, as XCOMET-XL"
            )
