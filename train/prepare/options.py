"""Options of the commands of `prepare` that start from manifests or texts, checked before work starts."""

from dataclasses import dataclass
from pathlib import Path

from foundation.command_line import at_least
from foundation.errors import InputError
from foundation.options import REQUIRED, option
from foundation.workers import EXECUTORS
from models.precisions import PRECISION_NAMES
from models.storage.word_lists import word_list_name
from train.prepare.corpora.options import compiled

JOBS = "The number of processes, or of jobs of a cluster (default: one process for each core)."
EXECUTOR = "Where the processes run."
DEVICE = "Where it runs: cpu, cuda, cuda:1."


@dataclass(frozen=True)
class TextOptions:
    """The parallel texts, and which of them are kept."""

    output: Path = option(REQUIRED, "The folder to write.")
    files: tuple[str, ...] = option((), "One file for each language, in step.", metavar="CODE=FILE")
    table: Path | None = option(None, "Or a tab-separated table with a header.")
    columns: tuple[str, ...] = option((), "The table's columns of text.", metavar="CODE[=COLUMN]")
    prefix: str | None = option(None, "What ids begin with (default: the name of OUTPUT).")
    minimum_words: int = option(1, "Skip shorter source texts.", at_least=1)
    maximum_words: int | None = option(None, "Skip longer source texts.")
    minimum_ratio: float = option(
        0.0, "Skip texts with fewer characters for each character of the source.", at_least=0
    )
    maximum_ratio: float | None = option(
        None, "Skip texts with more characters for each character of the source."
    )
    unique: bool = option(False, "Skip a source text that occurred before.")
    refuse: str | None = option(None, "Skip rows with a text in which this regular expression is found.")
    require: str | None = option(None, "Skip source texts in which this regular expression is not found.")
    incomplete: bool = option(False, "Keep rows that lack some of the translations.")
    overwrite: bool = option(False, "Replace OUTPUT.")

    def __post_init__(self) -> None:
        at_least(self.minimum_words, maximum_words=self.maximum_words)
        at_least(self.minimum_ratio, maximum_ratio=self.maximum_ratio)
        compiled("--refuse", self.refuse)
        compiled("--require", self.require)
        if bool(self.files) == (self.table is not None) or bool(self.columns) != (self.table is not None):
            raise InputError("give either --files, or --table with --columns")


@dataclass(frozen=True)
class SpeakOptions:
    """The texts that are spoken, and by which voices."""

    manifest: Path = option(REQUIRED, "The manifest of the texts.")
    language: str = option(REQUIRED, "The language of the text that is spoken.", metavar="CODE")
    voices: tuple[str, ...] = option(
        REQUIRED, "The voices with their weights.", metavar="ENGINE[:VOICE][=WEIGHT]"
    )
    output: Path = option(REQUIRED, "The folder to write.")
    commands: tuple[str, ...] = option(
        (), "Further engines, see train/prepare/voices.py.", metavar="ENGINE=COMMAND LINE"
    )
    slowest: float = option(1.0, "Speeds are drawn from here on; 1 is normal.", at_least=0.1)
    fastest: float = option(1.0, "Speeds are drawn up to here; 1 is normal.")
    seed: int = option(0, "The seed of voices and speeds; 0 draws from the id alone.")
    maximum_s: float = option(30.0, "Skip what takes longer to say.", at_least=0.1)
    jobs: int | None = option(None, JOBS, at_least=1)
    executor: str = option("local", EXECUTOR, EXECUTORS)
    overwrite: bool = option(False, "Replace OUTPUT.")

    def __post_init__(self) -> None:
        at_least(self.slowest, fastest=self.fastest)

    def weights(self) -> dict[str, float]:
        """Weight of each voice. Raises InputError for what is no weight."""
        weights = {}
        for voice in self.voices:
            name, equals, weight = voice.partition("=")
            try:
                weights[name] = float(weight) if equals else 1.0
            except ValueError:
                weights[name] = 0.0
            if not 0 < weights[name] < float("inf"):
                raise InputError(f"--voices: the weight in {voice!r} must be a number above 0")
        return weights


@dataclass(frozen=True)
class DistortOptions:
    """The clips that are distorted, and how many of them."""

    manifest: Path = option(REQUIRED, "The manifest of clips.")
    output: Path = option(REQUIRED, "The folder to write.")
    share: float = option(0.5, "The share of the clips that is changed.", at_least=0, at_most=1)
    seed: int = option(0, "The seed of what is drawn.")
    jobs: int | None = option(None, JOBS, at_least=1)
    executor: str = option("local", EXECUTOR, EXECUTORS)
    overwrite: bool = option(False, "Replace OUTPUT.")


@dataclass(frozen=True)
class TranslateOptions:
    """The clips that are translated, and by which model."""

    manifest: Path = option(REQUIRED, "The manifest of clips.")
    model: str = option(REQUIRED, "Who translates: a path or a name.")
    targets: tuple[str, ...] = option(REQUIRED, "The languages to write.", metavar="CODE")
    output: Path = option(REQUIRED, "The folder to write.")
    source: str = option("en", "The language that is heard.", metavar="CODE")
    truncations: int = option(
        0,
        "The beginnings of each clip, cut at random, beside the whole clip: each is a row with what the "
        "model writes of it. Texts in other languages are then left out.",
        at_least=0,
        at_most=1000,
    )
    seed: int = option(0, "The seed of the lengths of truncated versions.")
    beam: int = option(3, "The number of beams; 1 is greedy search.", at_least=1, at_most=256)
    patience: float = option(
        3.0, "Stop once more than beam * patience hypotheses are finished.", above=0, at_most=1000
    )
    trailing_silence_ms: int | None = option(
        None, "The silence behind each clip; default: the model's.", at_least=0, at_most=600_000
    )
    precision: str = option("float32", "The number format.", PRECISION_NAMES)
    device: str = option("cpu", DEVICE)
    jobs: int | None = option(None, JOBS, at_least=1)
    executor: str = option("local", EXECUTOR, EXECUTORS)
    overwrite: bool = option(False, "Replace OUTPUT.")


@dataclass(frozen=True)
class EncodeOptions:
    """The clips whose encoder outputs are stored, and by which encoder."""

    manifest: Path = option(REQUIRED, "The manifest of clips.")
    output: Path = option(REQUIRED, "The folder to write.")
    whisper: str | None = option(None, "The Whisper, or REINA, whose encoder is run: a path or a name.")
    model: str | None = option(None, "Or the audio-language model whose encoder is run.")
    truncations: int = option(
        0, "The truncated versions of each clip, beside the whole clip.", at_least=0, at_most=1000
    )
    seed: int = option(0, "The seed of the lengths of truncated versions.")
    trailing_silence_ms: int = option(
        0,
        "The silence heard behind each clip: of a Whisper whose policy is trained, as it hears when it runs; "
        "as published that is 30000, with --silence-stride 4 and --frozen-after-s 3.",
        at_least=0,
        at_most=600_000,
    )
    dense_silence_ms: int | None = option(
        None, "Where silence is thinned, so much of it is heard in full; default: 1000.", at_least=100
    )
    silence_stride: int | None = option(
        None, "Of the rest one frame in so many is heard; default: all.", at_least=1, at_most=64
    )
    frozen_after_s: float | None = option(
        None, "Frames so far behind the newest audio are frozen; default: never.", at_least=0.5, at_most=30
    )
    precision: str = option("float32", "The number format in the encoder.", ("float32", "bfloat16"))
    device: str = option("cpu", DEVICE)
    jobs: int | None = option(None, JOBS, at_least=1)
    executor: str = option("local", EXECUTOR, EXECUTORS)
    overwrite: bool = option(False, "Replace OUTPUT.")

    def __post_init__(self) -> None:
        if (self.whisper is None) == (self.model is None):
            raise InputError("say whose encoder is run: give either --whisper or --model")
        if not self.is_plain and (self.model is not None or self.precision != "float32"):
            raise InputError(
                "silence behind clips and frozen frames are for --whisper in float32: leave them out, or "
                "give that"
            )

    @property
    def is_plain(self) -> bool:
        """Clips are heard alone, and all of each is encoded at once."""
        return self.trailing_silence_ms == 0 and self.frozen_after_s is None


@dataclass(frozen=True)
class JoinOptions:
    """The recorded lines that are joined into segments."""

    table: Path = option(REQUIRED, "A tab-separated file in UTF-8 with a header.")
    text: tuple[str, ...] = option(
        REQUIRED, "The text columns, each named by its language.", metavar="COLUMN"
    )
    output: Path = option(REQUIRED, "The folder to create.")
    id: str = option("id", "The column that identifies a row.")
    audio: str | None = option(
        None, "The column with the path of the audio file; without it, the id is the file's name."
    )
    audio_dir: Path | None = option(None, "The folder of the audio files (default: the table's).")
    audio_suffix: str = option("", "What is added to the path or id, such as .flac.")
    group_pattern: str | None = option(
        None, "A regular expression searched in the id; its first (...) is the group."
    )
    groups: tuple[str, ...] = option((), "The groups to use (default: all).")
    capitals: str = option("emphasis", "What words in capitals mean.", ("emphasis", "keep"))
    acronyms: tuple[str, ...] = option((), "Words whose capitals stay in any case.", metavar="WORD")
    minimum_s: float = option(6.0, "The shortest length that is drawn.")
    maximum_s: float = option(20.0, "The longest length that is drawn; no segment is longer.")
    pause_s: float = option(0.3, "The silence between two lines, or the shortest that is drawn.")
    longest_pause_s: float | None = option(
        None, "Draw each silence up to this length, short ones more often; default: all are alike."
    )
    shuffle: bool = option(
        False, "Join the lines of a group in random order, as of a table whose neighbours are alike."
    )
    seed: int = option(0, "The seed of what is drawn.")
    limit: int | None = option(None, "Keep this many segments, spread evenly.", at_least=1)
    paths_from: Path | None = option(
        None, "Write source.txt relative to this folder (default: absolute paths)."
    )
    overwrite: bool = option(False, "Replace the segments in OUTPUT.")


@dataclass(frozen=True)
class PieceOptions:
    """The texts that a vocabulary is learned from, and its size."""

    manifests: tuple[Path, ...] = option(REQUIRED, "The manifests whose text is used.", metavar="FILE")
    languages: tuple[str, ...] = option(
        REQUIRED, "The text columns to use, where a manifest has them.", metavar="CODE"
    )
    output: Path = option(REQUIRED, "The model file to write.")
    vocabulary: int = option(8000, "The number of pieces.", at_least=1, at_most=10_000_000)
    kind: str = option("unigram", "How pieces are found.", ("unigram", "bpe"))
    coverage: float = option(1.0, "The share of all characters that get a piece.", above=0, at_most=1)
    byte_fallback: bool = option(False, "Write characters without a piece as bytes, not as unknown.")
    jobs: int = option(4, "The number of threads.", at_least=1, at_most=1000)
    overwrite: bool = option(False, "Replace OUTPUT.")

    def __post_init__(self) -> None:
        if self.output.exists() and not self.overwrite:
            raise InputError(f"{self.output} exists: name another output, or add --overwrite")
        if not self.output.absolute().parent.is_dir():
            raise InputError(f"{self.output.parent}: no such folder: create it first")


@dataclass(frozen=True)
class WordOptions:
    """The texts whose words a model may write."""

    manifests: tuple[Path, ...] = option(REQUIRED, "The manifests whose text is used.", metavar="FILE")
    languages: tuple[str, ...] = option(
        REQUIRED, "The languages that the model writes, each with a list.", metavar="CODE"
    )
    output: Path = option(REQUIRED, "The folder to put the lists into, as a rule the model's.")
    names_from: str | None = option(
        None, "The language that is heard, whose names are listed, too.", metavar="CODE"
    )
    at_least: int = option(1, "Rarer words are left out.", at_least=1, at_most=1_000_000)
    overwrite: bool = option(False, "Replace lists that are in OUTPUT.")

    def __post_init__(self) -> None:
        if not self.output.is_dir():
            raise InputError(f"there is no folder {self.output}: make it, or give another --output")
        taken = [one for one in self.languages if (self.output / word_list_name(one)).exists()]
        if taken and not self.overwrite:
            raise InputError(
                f"{self.output} has a list of {taken[0]}: add --overwrite, or name another output"
            )
        for language in taken:
            if (self.output / word_list_name(language)).is_dir():
                raise InputError(f"{self.output / word_list_name(language)} is a folder: take it away")


@dataclass(frozen=True)
class ListOptions:
    """The manifest that becomes lists of a test set."""

    manifest: Path = option(REQUIRED, "The manifest of the clips.")
    languages: tuple[str, ...] = option(REQUIRED, "The references to write.", metavar="CODE")
    output: Path | None = option(None, "The folder of the lists (default: the manifest's).")
