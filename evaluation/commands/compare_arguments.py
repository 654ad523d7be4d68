"""The command line of `simulst compare`, checked before anything slow is imported."""

from dataclasses import dataclass

from evaluation.metrics.metric_names import TOKENIZERS
from foundation.options import REQUIRED, option


@dataclass(frozen=True)
class CompareArguments:
    """Two runs, or two sweeps, and by what they are compared."""

    first: str = option(
        REQUIRED, "The folder of a run, or of several.", metavar="A", positional=True, is_path=True
    )
    second: str = option(
        REQUIRED, "The same of the other system.", metavar="B", positional=True, is_path=True
    )
    offline: tuple[str, ...] = option(
        (),
        "The offline runs of systems: one for both, or one of each; default: those of their sweeps.",
        metavar="DIR",
        is_path=True,
    )
    bounds: tuple[float, float] | None = option(None, "The bounds of sweeps' NoSE, in s.", metavar=("X", "Y"))
    quality_metrics: tuple[str, ...] | None = option(
        None,
        "The quality metrics: BLEU, chrF, WER_NORM, imported ones; default: BLEU, chrF; of systems theirs.",
        metavar="METRIC",
    )
    latency_metrics: tuple[str, ...] | None = option(
        None,
        "The latency metrics: AL, AL_TC, LAAL, ...; default: AL, LAAL, or LongYAAL, StreamLAAL of segments; "
        "of systems theirs.",
        metavar="METRIC",
    )
    sacrebleu_tokenizer: str | None = option(None, "BLEU's tokenizer; default: as the runs say.", TOKENIZERS)
    resamples: int = option(1000, "The resamples of the bootstrap.", at_least=0, at_most=10_000_000)
    seed: int = option(0, "The seed of the bootstrap.", at_least=0)
