"""What a recipe checks before it loads a model: its data sections, their files, and where it goes on from."""

from typing import Protocol

import torch
from fairseq2.checkpoint import CheckpointDir
from fairseq2.recipe.base import RecipeContext
from fairseq2.recipe.config import TrainerSection

from foundation.errors import InputError
from models.layers.slow_bfloat16 import warn_of_slow_bfloat16
from train.data.encoder_cache import EncoderCache
from train.data.examples import DataSection, asked_of_manifest, check_section
from train.data.manifest import read_manifest
from train.recipes.resumption import check_last_checkpoint
from train.recipes.start_model import CHECKPOINTS


class Sections(Protocol):
    """The part of a recipe's configuration that names files of data, and the trainer's."""

    train: list[DataSection]
    validation: list[DataSection]
    trainer: TrainerSection


def check_before_loading(context: RecipeContext, config: Sections) -> None:
    """Raises InputError for data that cannot be used, and for a damaged checkpoint to go on from.

    Warns where the processor is slow in the number format that is asked for.
    """
    check_data(config)
    mixed = config.trainer.mixed_precision
    if mixed.mode != "off" and mixed.dtype == torch.bfloat16 and context.gangs.root.rank == 0:
        remedy = "give --config trainer.mixed_precision.mode=off"
        warn_of_slow_bfloat16(context.gangs.root.device, remedy)
    own = context.resolver.resolve(CheckpointDir).path
    check_last_checkpoint(own or context.output_dir / CHECKPOINTS)


def check_data(config: Sections) -> None:
    """Raises InputError, naming section and file, where a section or one of its files cannot be used.

    Whether an encoder cache is of the model's encoder is asked when the model is there.
    """
    if not config.train:
        raise InputError("there is nothing to train on: the configuration's list `train` is empty")
    sections = [*config.train, *config.validation]
    for section in sections:
        check_section(section)
    # Each file once: a large manifest takes seconds, and several sections name it.
    for path in dict.fromkeys(section.manifest for section in sections):
        asked = [asked_of_manifest(section) for section in sections if section.manifest == path]
        languages = dict.fromkeys(language for languages, _ in asked for language in languages)
        read_manifest(path, list(languages), needs_audio=any(hears for _, hears in asked))
    for folder in dict.fromkeys(section.encoder_cache for section in sections):
        if folder is not None:
            EncoderCache(folder)
