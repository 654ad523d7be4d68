"""From data sections of a configuration to the readers of a fairseq2 trainer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from fairseq2.logging import log
from fairseq2.recipe.base import RecipeContext
from fairseq2.recipe.config import CommonSection, TrainerSection

from models.errors import InputError
from train.batch_plan import BatchPlan, BatchSection
from train.batch_reader import BatchReader
from train.batches import Collation, TruncationSection
from train.examples import DataSection, Example, read_examples
from train.start_model import StartModel

FRAME_S = 0.02  # one memory frame


@dataclass(kw_only=True)
class ReaderSection:
    """How data is read."""

    workers: int = 2
    """Processes that read audio for each training process; 0: none, best with an encoder cache."""

    seed: int = 1
    """Of the order of pairs and of where clips are cut."""


class DataConfig(Protocol):
    """What every recipe's configuration says about data."""

    train: list[DataSection]
    validation: list[DataSection]
    batch: BatchSection
    truncation: TruncationSection | None
    reader: ReaderSection
    trainer: TrainerSection
    common: CommonSection


def train_reader(
    context: RecipeContext, config: DataConfig, start: StartModel, frozen_encoder: bool, whole: bool = False
) -> BatchReader:
    """whole: clips also uncut, beside the cut ones. Raises InputError if the data cannot be used."""
    if not config.train:
        raise InputError("there is nothing to train on: the configuration's list `train` is empty")
    if not frozen_encoder and any(section.encoder_cache is not None for section in config.train):
        raise InputError("an encoder cache needs a frozen encoder: set freeze_encoder, or leave caches out")
    pairs: list[Example] = []
    weights: list[float] = []
    for section in config.train:
        of_section = _read(section, start)
        pairs += of_section
        weights += [section.weight] * len(of_section)
    plan = BatchPlan(pairs, weights, config.batch, config.reader.seed)
    collation = _collation(config, start, config.truncation, whole)
    accumulate = config.trainer.grad_accumulation.num_batches
    return BatchReader(plan, collation, context.gangs, accumulate, config.reader.workers)


def validation_readers(
    context: RecipeContext,
    config: DataConfig,
    start: StartModel,
    truncation: TruncationSection | None = None,
    whole: bool = False,
) -> Iterator[tuple[str, dict[str, str], BatchReader]]:
    """For each section its name, the references by id, and its reader."""
    for section in config.validation:
        pairs = _read(section, start)
        plan = BatchPlan(pairs, [1.0] * len(pairs), config.batch, config.reader.seed, shuffle=False)
        reader = BatchReader(plan, _collation(config, start, truncation, whole), context.gangs)
        name = f"{section.manifest.parent.name}-{section.task}-{'-'.join(section.targets)}".rstrip("-")
        yield name, {pair.id: pair.reference for pair in pairs}, reader


def _read(section: DataSection, start: StartModel) -> Sequence[Example]:
    dimensions = start.model.dimensions
    longest_s = FRAME_S * dimensions.n_audio_ctx
    examples = read_examples(
        section, start.tokenizer, dimensions.n_text_ctx, longest_s, dimensions.n_audio_state
    )
    log.info("{} pairs of {} from {}.", len(examples.pairs), section.task, section.manifest)
    for reason, count in examples.skipped.items():
        log.warning("{} rows of {} skipped: {}.", count, section.manifest, reason)
    return examples.pairs


def _collation(
    config: DataConfig, start: StartModel, truncation: TruncationSection | None, whole: bool
) -> Collation:
    return Collation(
        end_of_sequence=start.tokenizer.end_of_sequence,
        mel_bins=start.model.dimensions.n_mels,
        truncation=truncation,
        with_whole_audio=whole,
        seed=config.reader.seed,
    )
