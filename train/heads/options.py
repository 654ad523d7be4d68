"""Options of `simulst heads`, checked before work starts."""

from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
from foundation.options import REQUIRED, check_options, option
from models.precisions import PRECISION_NAMES


@dataclass(frozen=True)
class HeadsOptions:
    """The model whose heads are ranked, the clips that it hears, and where the best heads are written."""

    model: str = option(REQUIRED, "The model is this folder, checkpoint file or name.", positional=True)
    manifest: Path = option(REQUIRED, "The manifest of clips and their texts; a dozen sentences will do.")
    source: str = option("en", "The language that is heard.", metavar="CODE")
    target: str | None = option(
        None,
        "The language of the texts, a column of the manifest; default: that which is heard.",
        metavar="CODE",
    )
    output: Path | None = option(
        None, "The file to write; default: alignment_heads.json in the model's folder, where it is found."
    )
    count: int = option(
        8,
        "So many heads are written at most, none with less than half of the best one's score.",
        at_least=1,
        at_most=1000,
    )
    clips: int = option(24, "So many clips are heard at most, spread evenly over the manifest.", at_least=1)
    trailing_silence_ms: int | None = option(
        None, "The silence behind each clip; default: the model's.", at_least=0, at_most=600_000
    )
    precision: str = option("float32", "The number format.", PRECISION_NAMES)
    device: str = option("cpu", "The model runs on this device: cpu, cuda, cuda:1 or mps.")
    overwrite: bool = option(False, "Replace a file that is there.")

    def __post_init__(self) -> None:
        check_options(self)
        if self.output is not None and self.output.is_dir():
            raise InputError(f"--output {self.output} is a folder: name a file in it")
