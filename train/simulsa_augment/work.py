"""The work of `train.simulsa_augment`: sample, cut, label, write."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from foundation.command_line import settings_of
from foundation.errors import InputError
from foundation.files.journal import JOURNAL, Journal
from foundation.files.unfinished_folder import NothingUsable, unfinished_folder
from foundation.workers import Workers
from models.translator import TranslatorOptions
from train.data.manifest import Row, read_manifest, write_manifest
from train.prepare.denormals import flush_denormals, flushed_denormals
from train.prepare.skipped import Skipped, report, summary, write_skipped
from train.prepare.workers_here import own_device, workers_in
from train.simulsa_augment.labels import Label, Labeller, check_entries, journal_entry, label_batch
from train.simulsa_augment.options import OWN, REFERENCE, AugmentOptions
from train.simulsa_augment.report import write_report
from train.simulsa_augment.sampling import (
    HeardClip,
    Speculation,
    batches,
    sample_rows,
    truncate,
    usable_rows,
)
from train.simulsa_augment.speculation import OtherLabels, OwnLabels, SpeculatingModel

MANIFEST = "manifest.tsv"


def run(options: AugmentOptions) -> None:
    """Does what the command says. Raises InputError where it cannot."""
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
    with flushed_denormals():
        made, skipped = augment(options, clips, [*unusable, *too_short])
    report(f"{made} clips with labels in {', '.join(options.targets)}", options.output, skipped)


def augment(
    options: AugmentOptions, clips: Sequence[HeardClip], skipped: Sequence[Skipped]
) -> tuple[int, list[Skipped]]:
    """Labels clips that are cut already: how many were written, and all that were skipped, here or before."""
    is_alone = Workers(options.jobs, options.executor).in_process
    # Of several processes each has models of its own; this one's say how texts become tokens.
    here = options if is_alone else replace(options, device="cpu")
    model = open_model(here)
    clips, too_long = fitting(clips, options.targets, model)
    if not clips:
        raise InputError(f"none of {len(too_long)} clips fits the model: {summary(too_long)}")
    parts = batches(speculations(clips, options.targets, model), options.batch_seconds)
    labeller = open_labeller(here, model)
    start = (keep_labeller, (labeller,))
    if not is_alone:
        start = (open_and_keep_labeller, (open_model, options))
    settings = _settings(options, model.weights, labeller.weights)
    with unfinished_folder(options.output, settings, options.overwrite) as folder:
        workers = workers_in(folder, options.jobs, options.executor)
        entries = Journal(folder).work_through(parts, label_part, workers, *start, unit="text")
        check_entries(folder / JOURNAL, parts, entries)
        return write_result(folder, options, clips, entries, [*skipped, *too_long], labeller.threshold)


class _Process:
    """What one process keeps."""

    labeller: Labeller


def keep_labeller(labeller: Labeller) -> None:
    _Process.labeller = labeller


def open_and_keep_labeller(
    open_here: Callable[[AugmentOptions], SpeculatingModel], options: AugmentOptions
) -> None:
    flush_denormals()
    keep_labeller(open_labeller(options, open_here(options)))


def open_model(options: AugmentOptions) -> SpeculatingModel:
    """The model that is to be trained, in this process.

    It runs on the process's own device where it labels; for others it only divides texts into tokens.
    """
    from train.simulsa_augment.speculator import open_speculator

    device = own_device(options.device) if options.labels_from == OWN else "cpu"
    settings = TranslatorOptions(device=device, precision=options.precision)
    return open_speculator(options.model, settings, options.source, options.targets)


def open_labeller(options: AugmentOptions, model: SpeculatingModel) -> Labeller:
    """Who labels, in this process, on its own device; for `model`, which is to be trained."""
    if options.labels_from == OWN:
        return OwnLabels(model, options.factor)
    from train.simulsa_augment.other_models import open_other, open_translator
    from train.simulsa_augment.reference import ReferenceLabels

    settings = TranslatorOptions(device=own_device(options.device), precision=options.precision)
    name = options.labeller or options.model
    if options.labels_from == REFERENCE:
        aligner, weights = open_translator(name, settings)
        return ReferenceLabels(model, aligner, weights, options.source, options.targets)
    other = open_other(name, settings, options.source, options.targets)
    return OtherLabels(model, other, options.factor)


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


def label_part(part: Sequence[Speculation]) -> dict[str, Any]:
    return journal_entry(*label_batch(_Process.labeller, part))


def write_result(
    folder: Path,
    options: AugmentOptions,
    clips: Sequence[HeardClip],
    entries: Sequence[Mapping[str, Any]],
    skipped: Sequence[Skipped],
    threshold: float | None,
) -> tuple[int, list[Skipped]]:
    """All files but the settings; how many clips there are, and all that were skipped.

    entries: journal entries of all texts; threshold: tokens less likely ended their labels.
    Raises InputError if no clip is left.
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
    write_report(folder, kept, own, skipped, threshold)
    write_skipped(folder, skipped)
    return len(kept), skipped


def _row(clip: HeardClip, labels: Mapping[tuple[str, str], Label], options: AugmentOptions) -> Row:
    texts = {target: labels[clip.row.id, target].kept for target in options.targets}
    # The folder moves when it is complete: a path relative to the source manifest would end nowhere.
    audio = clip.row.audio.absolute()
    return replace(clip.row, audio=audio, heard_ms=clip.heard_ms, ends=not options.open_end, texts=texts)


def _settings(options: AugmentOptions, weights: str, labeller_weights: str) -> dict[str, Any]:
    manifest = hashlib.sha256(options.manifest.read_bytes()).hexdigest()
    # The best checkpoint of a training output may be another one when the command goes on.
    found = {**settings_of(options), "manifest_sha256": manifest, "weights": weights}
    return found if options.labels_from == OWN else {**found, "labeller_weights": labeller_weights}
