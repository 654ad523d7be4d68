"""The command line of `simulst submission`, checked before anything slow is imported."""

from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
from foundation.files.shipped_files import shipped_configuration, shipped_file
from foundation.files.yaml_files import read_yaml
from foundation.options import REQUIRED, option


@dataclass(frozen=True)
class SubmissionArguments:
    """Besides --KEY VALUE for any key of the file that says how the agent works, or how text is scored."""

    configuration: Path = option(
        REQUIRED, "An evaluation file, see eval_configs/.", metavar="CONFIG.yaml", positional=True
    )
    dev: tuple[Path, ...] = option(
        (), "The segments (YAML) of a development set; of several, one for each pair.", metavar="SEGMENTS"
    )
    references: tuple[Path, ...] = option(
        (),
        "The references of each --dev, a line for each segment; default: the file's target.",
        metavar="FILE",
    )
    languages: tuple[str, ...] = option(
        (), "The languages of each --dev, such as en-de; default: the file's.", metavar="PAIR"
    )
    regime: str | None = option(
        None, "The latency aimed at: 0 to 2 s or 2 to 4 s of LongYAAL; default: either.", ("low", "high")
    )
    output: Path | None = option(
        None, "The folder to make; default: outputs/CONFIG-submission.", metavar="DIR"
    )
    overwrite: bool = option(False, "Replace an earlier submission in that folder.")

    def __post_init__(self) -> None:
        if not self.dev:
            raise InputError("name the segments of a development set: --dev SEGMENTS")
        for name in ("references", "languages"):
            given = getattr(self, name)
            if given and len(given) != len(self.dev):
                raise InputError(
                    f"--dev names {len(self.dev)} development sets, --{name} {len(given)}: give one for each"
                )
        for file in (*self.dev, *self.references):
            if not Path(shipped_file(str(file))).is_file():
                raise InputError(f"{file} does not exist, or is no file: correct the path")
        for pair in self.languages:
            if len(list(filter(None, pair.split("-")))) != 2:
                raise InputError(f"--languages takes pairs such as en-de, got {pair!r:.100}")
        read_yaml(Path(shipped_configuration(str(self.configuration))))

    @property
    def folder(self) -> Path:
        """What is made."""
        return self.output or Path("outputs") / f"{self.configuration.stem}-submission"
