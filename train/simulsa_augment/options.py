"""Options of `train.simulsa_augment`, checked before work starts."""

from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
from foundation.options import REQUIRED, option
from foundation.workers import EXECUTORS
from models.precisions import PRECISION_NAMES
from train.simulsa_augment.truncation import BETA, CHUNKS_MS, DISTRIBUTIONS, Truncation

OWN, MODEL, REFERENCE = LABELS_FROM = ("own", "model", "reference")


@dataclass(frozen=True)
class AugmentOptions:
    """Which clips are sampled, where they are cut, and how they are labelled."""

    model: str = option(
        REQUIRED, "The audio-language model that is to be trained: a folder or a public name."
    )
    manifest: Path = option(REQUIRED, "The manifest of clips and their texts.")
    targets: tuple[str, ...] = option(
        REQUIRED, "The languages, columns of the manifest, that are labelled.", metavar="CODE"
    )
    output: Path = option(REQUIRED, "The folder to write.")
    source: str = option("en", "The language that is heard.", metavar="CODE")
    count: int | None = option(None, "The clips to sample (default: by --ratio).", at_least=1)
    ratio: float | None = option(None, "The share of the clips to sample, as in 0.01.", above=0, at_most=1)
    seed: int = option(0, "The seed of which clips are sampled and where they are cut.")
    truncation: str = option("beta", "The distribution of what is heard.", DISTRIBUTIONS)
    shortest_ms: int = option(500, "No clip is cut before.")
    longest_ms: int = option(5000, "No clip is cut behind (of full-range: not used).")
    chunks_ms: tuple[int, ...] = option(CHUNKS_MS, "The lengths heard, of --truncation discrete.")
    beta: float = option(BETA, "The b of Beta(1, b), of --truncation beta and full-range.", above=0)
    labels_from: str = option(
        OWN,
        "Who says how much of a text is learned: the model itself, another model (--labeller), or when the "
        "words of the reference are spoken, by attention over the whole clip.",
        LABELS_FROM,
    )
    labeller: str | None = option(
        None,
        "The other model of --labels-from model, of any kind; of reference the model whose attention aligns "
        "(default: --model).",
    )
    factor: float = option(100.0, "A label ends before the first token less likely than factor / V.", above=0)
    open_end: bool = option(False, "Do not learn the end of sequence behind labels.")
    drop_empty: bool = option(False, "Leave the whole clip out if one of its labels is empty.")
    batch_seconds: float = option(120.0, "The audio of one batch, padding included.", above=0)
    precision: str = option("float32", "The number format of the model.", PRECISION_NAMES)
    device: str = option("cpu", "Where it runs: cpu, cuda (each process its own), cuda:1.")
    jobs: int = option(1, "The processes, or jobs of a cluster, each with the whole model.", at_least=1)
    executor: str = option("local", "Where they run.", EXECUTORS)
    overwrite: bool = option(False, "Replace OUTPUT.")

    def __post_init__(self) -> None:
        if (self.count is None) == (self.ratio is None):
            raise InputError("say how many clips to sample: give either --count or --ratio")
        if len(set(self.targets)) < len(self.targets) or self.source in self.targets:
            raise InputError(f"--targets must be different languages other than {self.source!r}, each once")
        if self.labels_from == MODEL and self.labeller is None:
            raise InputError("--labels-from model needs a model that labels: give --labeller")
        if self.labels_from == OWN and self.labeller is not None:
            raise InputError(
                "--labels-from own needs no --labeller: leave it out, or give model or reference"
            )

    def cut(self) -> Truncation:
        return Truncation(self.truncation, self.shortest_ms, self.longest_ms, self.chunks_ms, self.beta)
