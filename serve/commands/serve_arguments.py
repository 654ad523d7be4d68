"""The command line of `simulst serve`, checked before anything slow is imported."""

from dataclasses import dataclass
from pathlib import Path

from foundation.files.shipped_files import shipped_configuration
from foundation.files.yaml_files import read_yaml
from foundation.options import option
from serve.web.serve_options import ServeOptions


@dataclass(frozen=True)
class ServeArguments(ServeOptions):
    """Besides --KEY VALUE for any key of the file that says how the agent works."""

    configuration: Path | None = option(
        None,
        "An evaluation file, or one of a speech processor, whose agent is served; default: reina.",
        metavar="CONFIG.yaml",
        positional=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.configuration is not None:
            read_yaml(Path(shipped_configuration(str(self.configuration))))
