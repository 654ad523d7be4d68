"""How much the words of a translation change their order: the share of crossing links.

    python -m benchmarks.simulsa_mini.reordering MODEL --manifest spoken/manifest.tsv --targets de fr

A word of the reference is linked with the time in the clip at which its source has been spoken, by the
attention of MODEL over the whole clip, as `simulst augment --labels-from reference` has it. Two words of a
text cross where the earlier is spoken more than the tolerance behind the later: attention is not sharper
than that. The share is that of all pairs of words of a text, summed over clips; its 95% interval comes from
resampled clips. Clips are sampled as `simulst augment` samples them. Prints a table: language, clips, words,
share, ends of the interval.

Exit status: that of `foundation.command_end`.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.metrics.significance import Estimate, Resampling, estimate
from foundation.command_end import exit_status
from foundation.errors import InputError
from foundation.progress import Progress
from models.sound.audio import read_audio
from models.translator import Translator, TranslatorOptions
from train.data.manifest import Row, read_manifest
from train.prepare.skipped import summary
from train.simulsa_augment.other_models import open_translator
from train.simulsa_augment.sampling import sample_rows, usable_rows
from train.simulsa_augment.source_times import UnalignedText, source_times


@dataclass(frozen=True)
class Links:
    """Of one text: its words that have a time, and their pairs."""

    words: int
    crossing: int
    pairs: int


def links(spoken_ms: Sequence[float], tolerance_ms: float) -> Links:
    """spoken_ms: when the source of each word has been spoken, in the order of the text."""
    times = np.asarray(spoken_ms)
    behind = times[:, None] - times[None, :] > tolerance_ms  # (earlier word, later word)
    count = len(times)
    return Links(count, int(np.triu(behind, 1).sum()), count * (count - 1) // 2)


def crossing_share(texts: Sequence[Links], resampling: Resampling) -> Estimate:
    """The share of crossing pairs over all texts. Raises InputError where no text has a pair."""
    crossing, pairs = (np.array([getattr(one, name) for one in texts]) for name in ("crossing", "pairs"))
    if not pairs.sum():
        raise InputError("no text has two words that are aligned: give other clips")

    def share(weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return (weights @ crossing) / (weights @ pairs)

    whole, resampled = resampling.scores(share)
    return estimate(whole[0], resampled[:, 0])


def aligned(
    translator: Translator, rows: Sequence[Row], source: str, target: str, tolerance_ms: float
) -> tuple[list[Links], int]:
    """The links of each text in `target` that can be aligned, and how many cannot."""
    found: list[Links] = []
    with Progress(len(rows), "clip", target) as progress:
        for row in rows:
            try:
                words = source_times(translator, read_audio(row.audio), source, target, row.texts[target])
            except (UnalignedText, InputError):
                continue
            finally:
                progress.add()
            times = [word.spoken_ms for word in words if word.spoken_ms is not None]
            found.append(links(times, tolerance_ms))
    return found, len(rows) - len(found)


def run(options: argparse.Namespace) -> None:
    rows = read_manifest(options.manifest, options.targets, needs_audio=True).rows
    usable, unusable = usable_rows(rows, options.targets)
    if options.clips < 1:
        raise InputError(f"--clips must be at least 1, got {options.clips}")
    if not usable:
        raise InputError(f"{options.manifest} has no clip that can be aligned: {summary(unusable)}")
    sampled = sample_rows(usable, min(options.clips, len(usable)), None, options.seed)
    translator, _ = open_translator(options.model, TranslatorOptions(alignment_heads=options.alignment_heads))
    for target in options.targets:
        translator.tokenizer.prompt(options.source, target)  # languages that it cannot do end here
    print("target", "clips", "words", "crossing", "low", "high", sep="\t")
    for target in options.targets:
        texts, left_out = aligned(translator, sampled, options.source, target, options.tolerance_ms)
        if left_out:
            print(f"{target}: {left_out} clips cannot be aligned", file=sys.stderr)
        share = crossing_share(texts, Resampling(len(texts), seed=options.seed))
        words = sum(one.words for one in texts)
        shares = (f"{value:.4f}" for value in (share.value, share.low, share.high))
        print(target, len(texts), words, *shares, sep="\t")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="whose attention aligns: a folder or a name")
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--targets", nargs="+", required=True, metavar="CODE")
    parser.add_argument("--source", default="en", metavar="CODE")
    parser.add_argument("--alignment-heads", help="of `simulst heads` (default: the model's own)")
    parser.add_argument("--clips", type=int, default=1000, help="that are sampled (default: 1000)")
    parser.add_argument("--tolerance-ms", type=float, default=250.0, help="default: 250")
    parser.add_argument("--seed", type=int, default=0, help="of the sample and the interval (default: 0)")
    options = parser.parse_args(arguments)
    return exit_status(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
