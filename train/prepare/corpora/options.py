"""Options of the commands that make manifests of corpora of clips, each checked before any file is read."""

import re
from dataclasses import dataclass
from pathlib import Path

from foundation.command_line import at_least
from foundation.errors import InputError
from foundation.options import REQUIRED, option


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """What all corpora have in common."""

    output: Path = option(REQUIRED, "The folder to write.")
    minimum_s: float = option(0.1, "Skip shorter clips.", at_least=0)
    maximum_s: float = option(30.0, "Skip longer clips; Whisper hears at most 30 s.")
    refuse: str | None = option(None, "Skip rows with a text in which this regular expression is found.")
    jobs: int | None = option(None, "The number of processes (default: one for each core).", at_least=1)
    overwrite: bool = option(False, "Replace OUTPUT.")

    def __post_init__(self) -> None:
        at_least(self.minimum_s, maximum_s=self.maximum_s)
        compiled("--refuse", self.refuse)


@dataclass(frozen=True, kw_only=True)
class WholeFileOptions(ClipOptions):
    """And of those with a file for each clip."""

    convert: bool = option(
        False, "Write 16 kHz FLAC to OUTPUT/audio; otherwise the files are named where they are."
    )


@dataclass(frozen=True, kw_only=True)
class TableOptions(WholeFileOptions):
    """The table of a corpus, and which columns hold what."""

    table: Path = option(REQUIRED, "A tab-separated file in UTF-8 with a header; NAME.gz is unpacked.")
    text: tuple[str, ...] = option(
        REQUIRED, "The languages, each with its column if it is called otherwise.", metavar="CODE[=COLUMN]"
    )
    id: str = option("id", "The column that names a row.")
    audio: str | None = option(
        None, "The column with the path of the audio file (default: the id is its name)."
    )
    audio_dir: Path | None = option(None, "The folder where these paths begin (default: the table's).")
    audio_suffix: str = option("", "What is added to the path or id, such as .flac.")


@dataclass(frozen=True, kw_only=True)
class MustcOptions(ClipOptions):
    """The split of MuST-C, or of talks in its layout, that is cut into clips."""

    root: Path = option(REQUIRED, "The folder of one pair, that holds the splits: en-de/data.")
    split: str = option(REQUIRED, "The split: train, dev, tst-COMMON, tst-HE ...")
    source: str = option(REQUIRED, "The code of the language spoken.", metavar="CODE")
    target: tuple[str, ...] = option(REQUIRED, "The codes of the translations.", metavar="CODE")


@dataclass(frozen=True, kw_only=True)
class CovostOptions(WholeFileOptions):
    """The tables of CoVoST 2 or CVSS, and the folder of their clips."""

    table: Path = option(REQUIRED, "One split of CoVoST 2 or CVSS, a .tsv file.")
    clips: Path = option(REQUIRED, "Common Voice's folder of clips of the source language.")
    source: str = option(REQUIRED, "The code of the language spoken.", metavar="CODE")
    target: str = option(REQUIRED, "The code of the language of the translation.", metavar="CODE")
    transcripts: Path | None = option(None, "Common Voice's validated.tsv, the source texts for CVSS.")


@dataclass(frozen=True, kw_only=True)
class MlsOptions(WholeFileOptions):
    """The split of Multilingual LibriSpeech that becomes a manifest."""

    root: Path = option(REQUIRED, "The folder of one language, as unpacked.")
    split: str = option(REQUIRED, "The split: train, dev or test.")
    language: str = option(REQUIRED, "The code of the language spoken.", metavar="CODE")


def compiled(flag: str, pattern: str | None) -> re.Pattern[str] | None:
    """Raises InputError, naming the flag, for what is no regular expression."""
    try:
        return None if pattern is None else re.compile(pattern)
    except re.error as error:
        raise InputError(f"{flag} {pattern!r} is not a regular expression ({error}): mend it") from None
