"""From data sections of a configuration to the readers of a fairseq2 trainer."""

from collections.abc import Iterator, Sequence

from fairseq2.logging import log
from fairseq2.recipe.base import RecipeContext

from foundation.errors import InputError
from models.audio_language.model import AudioLanguageModel
from train.data.batch_plan import BatchPlan
from train.data.batch_reader import BatchReader
from train.data.encoder_cache import FrozenEncoder
from train.data.examples import DataSection, Example, read_examples
from train.data.recipe_data import DataConfig, ReadSection, mixed_pairs, section_readers, tell
from train.simulsa_sft.batches import AudioTextCollation


def train_reader(
    context: RecipeContext, config: DataConfig, model: AudioLanguageModel, frozen_encoder: bool
) -> BatchReader:
    """All sections mixed by their weights. Raises InputError if the data cannot be used."""
    for name in ("frame_multiple", "token_multiple"):
        if getattr(config.batch, name) != 1:
            raise InputError(
                f"batch.{name} is of stages 1 to 3: an audio-language model reads audio and text in one row, "
                "which is padded as it is: leave it out"
            )
    pairs, weights = mixed_pairs(config, frozen_encoder, section_reader(model))
    truncated = sum(pair.heard_samples is not None for pair in pairs)
    log.info("{} of {} pairs are of truncated clips.", truncated, len(pairs))
    plan = BatchPlan(pairs, weights, config.batch, config.reader.seed)
    accumulate = config.trainer.grad_accumulation.num_batches
    return BatchReader(plan, collation(model), context.gangs, accumulate, config.reader.workers)


def validation_readers(
    context: RecipeContext, config: DataConfig, model: AudioLanguageModel
) -> Iterator[tuple[str, dict[str, str], BatchReader]]:
    """For each section its name, the references by id, and its reader."""
    return section_readers(context, config, section_reader(model), collation(model))


def section_reader(model: AudioLanguageModel) -> ReadSection:
    """Reads the pairs of a section. It raises InputError where that cannot be used."""
    # In `Example.tokens` the audio is one token of the prompt.
    longest_tokens = model.context_length - model.maximum_frames
    longest_s = model.maximum_audio_ms / 1000
    encoder = FrozenEncoder(model.encoder_width, model.frame_ms, model.encoder)

    def read(section: DataSection) -> Sequence[Example]:
        check_task(section)
        examples = read_examples(section, model.tokenizer, longest_tokens, longest_s, encoder)
        tell(section, examples)
        return examples.pairs

    return read


def check_task(section: DataSection) -> None:
    """Raises InputError for a section without speech, or with silence behind it."""
    if section.task == "nmt":
        raise InputError(
            f"data section of {section.manifest}: an audio-language model learns from speech: task must "
            "be s2tt or asr"
        )
    if section.trailing_silence_ms:
        raise InputError(
            f"data section of {section.manifest}: an audio-language model hears clips alone: leave "
            "trailing_silence_ms out"
        )


def collation(model: AudioLanguageModel) -> AudioTextCollation:
    tokenizer = model.tokenizer
    return AudioTextCollation(tokenizer.audio_token, tokenizer.end_of_sequence, model.window_frames)
