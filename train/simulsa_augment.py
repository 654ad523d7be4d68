"""Self-augmentation: clips cut at random, with as much of their text as the model itself can tell by then.

    python -m train.simulsa_augment --model MODEL --manifest spoken/manifest.tsv --targets de fr \\
        --ratio 0.01 --output augmented
    python -m train.simulsa_augment --jobs 8 --device cuda ...     on several GPUs: the same result

A large audio-language model that only ever heard whole clips goes on beyond what it has heard. Trained on
about 1% of such pairs beside its data (`train.simulsa_sft`), it stops there (SimulSA, arXiv 2509.15692). A
sampled clip is cut (`train.self_augmentation.truncation`); the model that is to be trained goes over the text
once, teacher forced, and the text ends before the first token whose probability is below factor / V. OUTPUT
holds

    manifest.tsv        the cut clips (column heard_ms) with the labels as texts, for `train.simulsa_sft`
    labels.tsv          every label: kept and cut text, tokens, the probability that ended it
    statistics.json     how much was heard and kept
    distributions.png   the same, as a picture with examples
    skipped.tsv         sampled clips that could not be used, with the reason
    settings.json       what it was made with

OUTPUT appears when it is complete; after an interruption or a kill the same command goes on, with any number
of processes, and gives what an undisturbed run gives. Which clips are taken and where each is cut depends on
the seed and the row's id only; more clips include those of fewer.

Exit status: 0 done, 1 input error, 2 wrong usage, 130 interrupted, 143 terminated.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from foundation.command_end import exit_status
from foundation.journal import Journal
from foundation.unfinished_folder import NothingUsable, unfinished_folder
from foundation.workers import EXECUTORS, Workers
from models.errors import InputError
from models.translator import PRECISIONS, TranslatorOptions
from train.command_line import at_least, option, parse, settings_of
from train.manifest import Row, read_manifest, write_manifest
from train.self_augmentation.labels import Label, SpeculatingModel, journal_entry, label_batch
from train.self_augmentation.report import write_report
from train.self_augmentation.sampling import (
    HeardClip,
    Speculation,
    batches,
    sample_rows,
    truncate,
    usable_rows,
)
from train.self_augmentation.truncation import CHUNKS_MS, DISTRIBUTIONS, Truncation
from train.skipped import Skipped, report, summary, write_skipped
from train.workers_here import own_device, workers_in

MANIFEST = "manifest.tsv"


@dataclass(frozen=True)
class AugmentOptions:
    model: str = option("audio-language model that labels: a folder or a public name")
    manifest: Path = option("manifest of clips and their texts")
    targets: tuple[str, ...] = option("languages, columns of the manifest, that are labelled")
    output: Path = option("folder to write")
    source: str = option("language that is heard", "en")
    count: int | None = option("clips to sample (default: by --ratio)", None)
    ratio: float | None = option("share of the clips to sample, as in 0.01", None)
    seed: int = option("of which clips are sampled and where they are cut", 0)
    truncation: str = option("distribution of what is heard", "beta", DISTRIBUTIONS)
    shortest_ms: int = option("no clip is cut before", 500)
    longest_ms: int = option("no clip is cut behind (of full-range: not used)", 5000)
    chunks_ms: tuple[int, ...] = option("lengths heard, of --truncation discrete", CHUNKS_MS)
    factor: float = option("a label ends before the first token less likely than factor / V", 100.0)
    open_end: bool = option("do not learn the end of sequence behind labels", False)
    drop_empty: bool = option("leave the whole clip out if one of its labels is empty", False)
    batch_seconds: float = option("audio of one batch, padding included", 120.0)
    precision: str = option("number format of the model", "float32", tuple(PRECISIONS))
    device: str = option("where it runs: cpu, cuda (each process its own), cuda:1", "cpu")
    jobs: int = option("processes, or jobs of a cluster, each with the whole model", 1)
    executor: str = option("where they run", "local", EXECUTORS)
    overwrite: bool = option("replace OUTPUT", False)

    def __post_init__(self) -> None:
        if (self.count is None) == (self.ratio is None):
            raise InputError("say how many clips to sample: give either --count or --ratio")
        at_least(1, count=self.count, jobs=self.jobs)
        if self.ratio is not None and not 0 < self.ratio <= 1:
            raise InputError(f"--ratio must be above 0 and at most 1, got {self.ratio:g}")
        if not self.factor > 0:
            raise InputError(f"--factor must be above 0, got {self.factor:g}")
        if not self.batch_seconds > 0:
            raise InputError(f"--batch-seconds must be above 0, got {self.batch_seconds:g}")
        if len(set(self.targets)) < len(self.targets) or self.source in self.targets:
            raise InputError(f"--targets must be different languages other than {self.source!r}, each once")

    def cut(self) -> Truncation:
        return Truncation(self.truncation, self.shortest_ms, self.longest_ms, self.chunks_ms)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return exit_status(partial(augment, given), "interrupted: the same command continues")


def augment(arguments: Sequence[str]) -> None:
    """Does what the command says. Raises InputError where it cannot."""
    description = "Label truncated clips with as much of their text as the model can tell by then."
    options = parse(AugmentOptions, "python -m train.simulsa_augment", description, arguments)
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise InputError("this command starts its processes itself: give --jobs N in place of torchrun")
    cut = options.cut()
    rows = read_manifest(options.manifest, options.targets, needs_audio=True).rows
    usable, unusable = usable_rows(rows, options.targets)
    if not usable:
        raise InputError(f"{options.manifest} has no clip that can be augmented: {summary(unusable)}")
    sampled = sample_rows(usable, options.count, options.ratio, options.seed)
    clips, too_short = truncate(sampled, cut, options.seed)
    if not clips:
        raise InputError(f"none of {len(sampled)} sampled clips can be augmented: {summary(too_short)}")
    is_alone = Workers(options.jobs, options.executor).in_process
    # Of several processes each has a model of its own; this one's says how texts become tokens.
    model = open_model(options if is_alone else replace(options, device="cpu"))
    clips, too_long = fitting(clips, options.targets, model)
    if not clips:
        raise InputError(f"none of {len(too_long)} clips fits the model: {summary(too_long)}")
    parts = batches(speculations(clips, options.targets, model), options.batch_seconds)
    start = (keep_model, (model,)) if is_alone else (open_and_keep_model, (open_model, options))
    label = partial(label_part, factor=options.factor)
    settings = _settings(options, model.weights)
    with unfinished_folder(options.output, settings, options.overwrite) as folder:
        workers = workers_in(folder, options.jobs, options.executor)
        entries = Journal(folder).work_through_parts(parts, label, workers, *start, unit="text")
        skipped = [*unusable, *too_short, *too_long]
        made, skipped = write_result(folder, options, clips, entries, skipped, model.vocabulary_size)
    report(f"{made} clips with labels in {', '.join(options.targets)}", options.output, skipped)


class _Process:
    """What one process keeps."""

    model: SpeculatingModel


def keep_model(model: SpeculatingModel) -> None:
    _Process.model = model


def open_and_keep_model(
    open_here: Callable[[AugmentOptions], SpeculatingModel], options: AugmentOptions
) -> None:
    keep_model(open_here(options))


def open_model(options: AugmentOptions) -> SpeculatingModel:
    """The model of this process, on its own device."""
    from train.self_augmentation.speculator import open_speculator

    settings = TranslatorOptions(device=own_device(options.device), precision=options.precision)
    return open_speculator(options.model, settings, options.source, options.targets)


def fitting(
    clips: Sequence[HeardClip], targets: Sequence[str], model: SpeculatingModel
) -> tuple[list[HeardClip], list[Skipped]]:
    """Clips that the model can hear and whose texts it can write, and the others."""
    fits, skipped = [], []
    for clip in clips:
        longest = max(len(model.encode(clip.row.texts[target])) for target in targets)
        if clip.heard_ms > model.maximum_audio_ms:
            skipped.append(Skipped(clip.row.id, "longer than the model's window", f"{clip.heard_ms} ms"))
        elif longest > model.maximum_text:
            skipped.append(Skipped(clip.row.id, "text longer than the model's context", f"{longest} tokens"))
        else:
            fits.append(clip)
    return fits, skipped


def speculations(
    clips: Sequence[HeardClip], targets: Sequence[str], model: SpeculatingModel
) -> list[Speculation]:
    return [
        Speculation(clip, target, tuple(model.encode(clip.row.texts[target])))
        for clip in clips
        for target in targets
    ]


def label_part(part: Sequence[Speculation], factor: float) -> dict[str, Any]:
    return journal_entry(*label_batch(_Process.model, part, factor))


def write_result(
    folder: Path,
    options: AugmentOptions,
    clips: Sequence[HeardClip],
    entries: Sequence[Mapping[str, Any]],
    skipped: Sequence[Skipped],
    vocabulary_size: int,
) -> tuple[int, list[Skipped]]:
    """All files but the settings; how many clips there are, and all that were skipped.

    entries: journal entries of all texts. Raises InputError if no clip is left.
    """
    labels = {(one["id"], one["target"]): Label(**one) for entry in entries for one in entry["labels"]}
    refused = {one["id"]: Skipped(**one) for entry in entries for one in entry["skipped"]}
    kept: list[HeardClip] = []
    for clip in clips:
        own = [labels[clip.row.id, target] for target in options.targets if clip.row.id not in refused]
        nothing = [label.target for label in own if not label.kept_tokens]
        # Without its end nothing is learned of an empty label.
        if nothing and (options.drop_empty or (options.open_end and len(nothing) == len(own))):
            refused[clip.row.id] = Skipped(clip.row.id, "empty label", ", ".join(nothing))
        if clip.row.id not in refused:
            kept.append(clip)
    skipped = [*skipped, *(refused[clip.row.id] for clip in clips if clip.row.id in refused)]
    if not kept:
        raise NothingUsable(f"none of {len(clips)} sampled clips can be used: {summary(skipped)}")
    rows = [_row(clip, labels, options) for clip in kept]
    write_manifest(folder / MANIFEST, rows, options.targets)
    own = [labels[clip.row.id, target] for clip in kept for target in options.targets]
    write_report(folder, kept, own, skipped, options.factor / vocabulary_size)
    write_skipped(folder, skipped)
    return len(kept), skipped


def _row(clip: HeardClip, labels: Mapping[tuple[str, str], Label], options: AugmentOptions) -> Row:
    texts = {target: labels[clip.row.id, target].kept for target in options.targets}
    # The folder moves when it is complete: a path relative to the source manifest would end nowhere.
    audio = clip.row.audio.absolute()
    return replace(clip.row, audio=audio, heard_ms=clip.heard_ms, ends=not options.open_end, texts=texts)


def _settings(options: AugmentOptions, weights: str) -> dict[str, Any]:
    manifest = hashlib.sha256(options.manifest.read_bytes()).hexdigest()
    # The best checkpoint of a training output may be another one when the command goes on.
    return {**settings_of(options), "manifest_sha256": manifest, "weights": weights}


if __name__ == "__main__":
    # By its name, so that other processes find in it what this one sends them.
    from train import simulsa_augment

    sys.exit(simulsa_augment.main())
