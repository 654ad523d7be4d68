"""The command line of `simulst translate`, checked before anything slow is imported."""

from dataclasses import dataclass
from pathlib import Path

from agents.live.formats import FORMATS
from foundation.errors import InputError
from foundation.options import option


@dataclass(frozen=True)
class TranslateArguments:
    """Besides --KEY VALUE for any option of agents."""

    files: tuple[str, ...] = option(
        (),
        "Recordings of any format that FFmpeg reads; - is standard input.",
        metavar="FILE",
        positional=True,
        is_path=True,
    )
    microphone: bool = option(False, "Hear the microphone until Ctrl-C, in place of files.")
    input_device: str | None = option(
        None, "The microphone is this one, by number or a part of its name; default: the system's."
    )
    to: str | None = option(
        None, "This language is written; default: de with a shipped model.", metavar="LANGUAGE"
    )
    from_: str | None = option(None, "This language is spoken; default: en.", metavar="LANGUAGE")
    agent: str | None = option(
        None,
        "The agent, by name or file; default: reina on its shipped model, alignatt where --model is given.",
    )
    model: str | None = option(None, "The model is this folder, checkpoint file or name.")
    format: str = option(
        "text",
        "What is written: words as they come (text), subtitles (srt, vtt), or an object a line for each word "
        "(json).",
        tuple(FORMATS),
    )
    output: Path | None = option(
        None, "Write to this file; of several FILEs, to a file for each in this folder.", metavar="PATH"
    )
    overwrite: bool = option(False, "Replace what is there under these names.")
    realtime: bool = option(False, "Hear files no faster than they were spoken, as a listener would.")

    def __post_init__(self) -> None:
        if bool(self.files) == self.microphone:
            raise InputError(
                "name recordings, before any --KEY VALUE (- is standard input), or give --microphone in "
                "place of them"
            )
        if self.input_device is not None and not self.microphone:
            raise InputError("--input-device is of --microphone: give that, too")
        if self.files.count("-") > 1:
            raise InputError("- stands for standard input, which is heard once: name it once")
        if len(self.files) > 1 and self.output is None and self.format in ("srt", "vtt"):
            raise InputError(
                f"subtitles of {len(self.files)} recordings need a file each: name a folder by --output"
            )
