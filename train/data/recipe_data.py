"""From data sections of a configuration to the readers of a fairseq2 trainer."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fairseq2.logging import log
from fairseq2.recipe.base import RecipeContext
from fairseq2.recipe.config import CommonSection, TrainerSection

from foundation.errors import InputError
from models.sound.log_mel import HOP_MS
from models.whisper.hearing import PLAIN, Hearing
from train.data.batch_plan import BatchPlan, BatchSection
from train.data.batch_reader import BatchReader
from train.data.batches import Collation, TruncationSection
from train.data.encoder_cache import FrozenEncoder
from train.data.examples import DataSection, Example, Examples, read_examples, written_languages
from train.data.masking import MaskingSection
from train.data.streamed import TrainingHearing
from train.recipes.start_model import StartModel

# The pairs of one section, as a model of some kind can learn from them.
ReadSection = Callable[[DataSection], Sequence[Example]]


@dataclass(kw_only=True)
class ReaderSection:
    """How data is read."""

    workers: int = 2
    """So many processes read audio for each training process; 0 is best with an encoder cache."""

    seed: int = 1
    """Decides on the order of pairs and on where clips are cut."""

    def __post_init__(self) -> None:
        for name, most in (("workers", 4096), ("seed", 2**63)):
            if not 0 <= getattr(self, name) < most:
                raise InputError(
                    f"reader.{name} must be from 0 to below {most}, got {str(getattr(self, name))[:40]}"
                )


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
    context: RecipeContext,
    config: DataConfig,
    start: StartModel,
    frozen_encoder: bool,
    whole: bool = False,
    masking: MaskingSection | None = None,
    hearing: Hearing = PLAIN,
) -> BatchReader:
    """whole: clips also uncut, beside the cut ones; hearing: of the frozen encoder.

    Raises InputError if the data cannot be used.
    """
    cached = [section.manifest for section in config.train if section.encoder_cache is not None]
    if masking is not None and cached:
        raise InputError(
            f"masking hides features, and an encoder cache has none ({cached[0]}): leave out one of the two"
        )
    heard = [s.manifest for s in config.train if s.task != "nmt" and s.encoder_cache is None]
    if cached and heard:
        raise InputError(
            f"the clips of {cached[0]} come from an encoder cache, and those of {heard[0]} do not, but each "
            "batch mixes both: give all sections with clips a cache, or none"
        )
    collation = _collation(config, start, config.truncation, whole, masking, hearing)
    pairs, weights = mixed_pairs(config, frozen_encoder, _reader(start, hearing, collation))
    plan = BatchPlan(pairs, weights, config.batch, config.reader.seed)
    accumulate = config.trainer.grad_accumulation.num_batches
    return BatchReader(plan, collation, context.gangs, accumulate, config.reader.workers)


def validation_readers(
    context: RecipeContext,
    config: DataConfig,
    start: StartModel,
    truncation: TruncationSection | None = None,
    whole: bool = False,
    hearing: Hearing = PLAIN,
) -> Iterator[tuple[str, dict[str, str], BatchReader]]:
    """For each section its name, the references by id, and its reader. Arguments are as in `train_reader`."""
    collation = _collation(config, start, truncation, whole, hearing=hearing)
    return section_readers(context, config, _reader(start, hearing, collation), collation)


def mixed_pairs(
    config: DataConfig, frozen_encoder: bool, read: ReadSection
) -> tuple[list[Example], list[float]]:
    """The pairs of all sections to train on, and their weights. Raises InputError if there can be none."""
    if not frozen_encoder and any(section.encoder_cache is not None for section in config.train):
        raise InputError("an encoder cache needs a frozen encoder: set freeze_encoder, or leave caches out")
    pairs: list[Example] = []
    weights: list[float] = []
    for section in config.train:
        of_section = read(section)
        pairs += of_section
        weights += [section.weight] * len(of_section)
    return pairs, weights


def section_readers(
    context: RecipeContext, config: DataConfig, read: ReadSection, collation: Any
) -> Iterator[tuple[str, dict[str, str], BatchReader]]:
    """For each section to validate on its name, the references by id, and its reader."""
    names: set[str] = set()
    for section in config.validation:
        pairs = read(section)
        plan = BatchPlan(pairs, [1.0] * len(pairs), config.batch, config.reader.seed, shuffle=False)
        reader = BatchReader(plan, collation, context.gangs)
        name = _name(section, names)
        names.add(name)
        yield name, {pair.id: pair.reference for pair in pairs}, reader


def check_cuts(section: DataSection, pairs: Sequence[Example], collation: Collation) -> None:
    """Raises InputError for clips that are to be cut, of which the section's cache has no cut version."""
    cached = [pair for pair in pairs if pair.cached is not None and len(pair.cached.versions) == 1]
    if any(map(collation.may_cut, cached)):
        raise InputError(
            f"the clips of {section.manifest} are to be cut, and {section.encoder_cache} holds whole ones: "
            "make it with `simulst prepare encode --truncations N`"
        )


def _name(section: DataSection, taken: Collection[str]) -> str:
    """By which scores of a section are known: sections of one name would be scored into one file."""
    plain = f"{section.manifest.parent.name}-{section.task}-{'-'.join(section.targets)}".rstrip("-")
    own = f"{plain}-{section.source}"
    file = f"{own}-{section.manifest.stem}"
    names = (plain, own, file, *(f"{file}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def tell(section: DataSection, examples: Examples) -> None:
    """Log what a section holds, and what was skipped of it."""
    into = ", ".join(written_languages(section))
    task = f"{section.task} ({section.source} -> {into})"
    log.info("{} pairs of {} from {}.", len(examples.pairs), task, section.manifest)
    for reason, count in examples.skipped.items():
        log.warning("{} rows of {} skipped: {}.", count, section.manifest, reason)


def _reader(start: StartModel, hearing: Hearing, collation: Collation) -> ReadSection:
    dimensions = start.model.dimensions
    frame_ms = start.model.front_end.frame_ms
    longest_s = frame_ms / 1000 * dimensions.n_audio_ctx
    encoder = FrozenEncoder(dimensions.n_audio_state, frame_ms, start.model.encoder, hearing)

    def read(section: DataSection) -> Sequence[Example]:
        examples = read_examples(section, start.tokenizer, dimensions.n_text_ctx, longest_s, encoder)
        check_cuts(section, examples.pairs, collation)
        tell(section, examples)
        return examples.pairs

    return read


def _collation(
    config: DataConfig,
    start: StartModel,
    truncation: TruncationSection | None,
    whole: bool,
    masking: MaskingSection | None = None,
    hearing: Hearing = PLAIN,
) -> Collation:
    dimensions = start.model.dimensions
    return Collation(
        end_of_sequence=start.tokenizer.end_of_sequence,
        front_end=start.model.front_end,
        truncation=truncation,
        with_whole_audio=whole,
        seed=config.reader.seed,
        masking=masking,
        frame_multiple=config.batch.frame_multiple,
        token_multiple=config.batch.token_multiple,
        heard=None if hearing.is_plain else TrainingHearing.of(hearing, dimensions),
        most_frames=round(start.model.front_end.frame_ms * dimensions.n_audio_ctx / HOP_MS),
        most_tokens=dimensions.n_text_ctx,
    )
