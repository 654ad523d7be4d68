"""The command line of `simulst calibrate`, checked before anything slow is imported."""

from dataclasses import dataclass
from pathlib import Path

from evaluation.metrics.latency import LATENCY_METRICS, LONG_FORM_METRICS
from foundation.errors import InputError
from foundation.files.shipped_files import shipped_configuration
from foundation.files.yaml_files import read_yaml
from foundation.options import REQUIRED, option

# Those that are a time.
METRICS = (*(name for name in LATENCY_METRICS if name != "AP"), *LONG_FORM_METRICS)


@dataclass(frozen=True)
class CalibrateArguments:
    """Besides --KEY VALUE for any key of the file."""

    configuration: Path = option(
        REQUIRED, "An evaluation file, see eval_configs/.", metavar="CONFIG.yaml", positional=True
    )
    target: tuple[float, ...] = option(
        (), "The latency to meet, in seconds; or several latencies.", metavar="S"
    )
    spread: int | None = option(
        None, "Find N settings that cover all latencies.", metavar="N", at_least=2, at_most=1000
    )
    latency: str | None = option(
        None, "The latency metric; default: LAAL, or LongYAAL where the file names segments.", METRICS
    )
    at_most: bool = option(False, "Stay below the target on unseen data, with 95% confidence.")
    knob: str | None = option(None, "The option to turn; default: the policy's own.", metavar="NAME")
    range: tuple[float, float] | None = option(None, "Where to search it.", metavar=("LOW", "HIGH"))
    jobs: int = option(1, "The number of processes.", metavar="N", at_least=1)

    def __post_init__(self) -> None:
        if bool(self.target) == (self.spread is not None):
            raise InputError("say what to find: give either --target S, or --spread N")
        if self.at_most and not self.target:
            raise InputError("--at-most goes with --target")
        read_yaml(Path(shipped_configuration(str(self.configuration))))
