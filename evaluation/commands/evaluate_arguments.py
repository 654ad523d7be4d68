"""The command line of `simulst evaluate`, checked before anything slow is imported."""

from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
from foundation.files.shipped_files import shipped_configuration
from foundation.files.yaml_files import read_yaml
from foundation.options import option


@dataclass(frozen=True)
class EvaluateArguments:
    """Besides --KEY VALUE for any key of the file."""

    configuration: Path | None = option(
        None, "An evaluation file, see eval_configs/.", metavar="CONFIG.yaml", positional=True
    )
    output: str | None = option(
        None, "The folder to make; default: outputs/CONFIG.", metavar="DIR", is_path=True
    )
    overwrite: bool = option(False, "Replace an earlier result in that folder.")
    jobs: int = option(1, "The number of processes, of the engine batched.", metavar="N", at_least=1)
    rescore: Path | None = option(
        None, "Score this finished run again, by other --quality-metrics or --latency-metrics.", metavar="DIR"
    )

    def __post_init__(self) -> None:
        if (self.configuration is None) == (self.rescore is None):
            raise InputError("give an evaluation file, or --rescore with the folder of a finished run")
        if self.configuration is not None:
            read_yaml(Path(shipped_configuration(str(self.configuration))))
