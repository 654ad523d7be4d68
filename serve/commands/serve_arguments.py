"""The command line of `simulst serve`, checked before anything slow is imported."""

from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
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
    ray: bool = option(False, "Ray Serve runs replicas of the server behind one address.")
    replicas: int = option(1, "With --ray: so many replicas run at least.", at_least=1)
    most_replicas: int | None = option(
        None,
        "With --ray: so many run at most, where connections are more than --streams-at-once for each; "
        "default: no more than --replicas.",
        at_least=1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.ray and (self.replicas > 1 or self.most_replicas is not None):
            raise InputError("--replicas and --most-replicas go with --ray: give that, too")
        if self.most_replicas is not None and self.most_replicas < self.replicas:
            raise InputError(
                f"--most-replicas {self.most_replicas} is less than --replicas {self.replicas}: give no less"
            )
        if self.ray and self.session_log is not None:
            raise InputError("replicas cannot share a --session-log: leave it out, or --ray")
        if self.ray and self.port == 0:
            raise InputError("--ray needs a --port other than 0")
        if self.configuration is not None:
            read_yaml(Path(shipped_configuration(str(self.configuration))))
