"""The command line of `simulst sweep`, checked before anything slow is imported."""

from dataclasses import dataclass
from pathlib import Path

from foundation.files.shipped_files import shipped_configuration
from foundation.files.yaml_files import read_yaml
from foundation.options import REQUIRED, option
from foundation.workers import EXECUTORS


@dataclass(frozen=True)
class SweepArguments:
    """Besides --KEY VALUE for any key that the file gives for all runs."""

    configuration: Path = option(
        REQUIRED, "A sweep's file, see eval_configs/.", metavar="CONFIG.yaml", positional=True
    )
    output: Path = option(REQUIRED, "The folder to make, or to go on with.", metavar="DIR")
    jobs: int = option(1, "The number of processes, or of jobs of a cluster.", metavar="N", at_least=1)
    executor: str = option("local", "Where they run.", EXECUTORS)

    def __post_init__(self) -> None:
        read_yaml(Path(shipped_configuration(str(self.configuration), "sweeps")))
