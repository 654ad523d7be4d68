"""fairseq2's view of the translators that are trained here."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from fairseq2.composition import register_model_family
from fairseq2.runtime.dependency import DependencyContainer

from foundation.errors import InputError
from models.canary.network import Canary
from models.reina.folder import load_whisper_encoder
from models.reina.sentencepiece_tokenizer import SentencePieceTokenizer
from models.storage.locate import locate_model
from train.recipes.lora import LoraSection
from train.recipes.start_model import StartModel, new_model, open_model, with_dropout
from train.translator.adapted import AdaptedWhisper
from train.translator.model import MultitaskTranslator

FAMILY = "simulst_translator"


@dataclass(kw_only=True)
class TranslatorConfig:
    """The model that a run trains. Either `start`, or all that makes a new one."""

    start: str | None = None
    """The model to start from, by name or path: a model folder, Whisper, or the output of an earlier run."""

    architecture: str = "reina-mini"
    """The sizes of a new model: reina-mini or reina-medium."""

    sizes: dict[str, int | float | bool] = field(default_factory=dict)
    """The fields of `models.reina.network.ReinaDimensions` that differ from the architecture's."""

    whisper: str | None = None
    """The Whisper, by path or name, whose encoder a new model starts from; it replaces that of a REINA to
    start from, whose own may be stored in fewer bits."""

    tokenizer: Path | None = None
    """The SentencePiece model of a new model (`train.prepare sentencepiece`)."""

    languages: list[str] = field(default_factory=list)
    """The languages that a new model writes; each gets a tag behind the pieces."""

    source_languages: list[str] = field(default_factory=lambda: ["en"])
    """The languages that a new model understands."""

    dropout: float | None = None
    """The dropout of this run, in place of that of the REINA to start from; null keeps it."""

    freeze_encoder: bool = False
    """Whether the audio encoder stays as it is. Needed where clips come from an encoder cache."""

    lora: LoraSection | None = None
    """Adapters on a Whisper, whose own weights are then frozen; null: all of it is trained."""


def start_model(config: TranslatorConfig) -> StartModel:
    """The model that a run trains. Raises InputError where the configuration or its files cannot be used."""
    if config.start is not None:
        start = open_model(locate_model(config.start))
        if isinstance(start.model, Canary):
            raise InputError(
                f"{config.start} is a Canary, which is not trained here: stage 3 trains policies on it"
            )
        if config.dropout is not None:
            start = with_dropout(start, config.dropout)
        if config.whisper is not None:
            load_whisper_encoder(start.model, locate_model(config.whisper))
        if isinstance(start.tokenizer, SentencePieceTokenizer):
            # It may learn to write what it could not.
            start = replace(start, tokenizer=start.tokenizer.that_writes(None))
        return start
    if config.dropout is not None:
        raise InputError("dropout is for a model to `start` from: a new one has it among its `sizes`")
    absent = [name for name in ("whisper", "tokenizer", "languages") if not getattr(config, name)]
    if absent:
        raise InputError(f"a new model needs {', '.join(absent)}: give them, or a model to `start` from")
    return new_model(
        config.architecture,
        locate_model(config.whisper),
        config.tokenizer,
        config.languages,
        config.source_languages,
        config.sizes,
    )


def check_languages(config: TranslatorConfig, pairs: Iterable[tuple[str, str]]) -> None:
    """Raises InputError for a pair of source and target language that a new model would not know.

    A model to start from says what it knows when it is loaded.
    """
    if config.start is None and config.tokenizer is not None and config.languages:
        tokenizer = SentencePieceTokenizer(Path(config.tokenizer), config.languages, config.source_languages)
        for source, target in pairs:
            tokenizer.prompt(source, target)


def create(config: TranslatorConfig) -> MultitaskTranslator:
    """A translator to train. Raises InputError where the configuration or its files cannot be used."""
    start = start_model(config)
    if config.lora is None:
        return MultitaskTranslator(start, config.freeze_encoder)
    return AdaptedWhisper(start, config.start or config.architecture, config.lora, config.freeze_encoder)


def register_translators(container: DependencyContainer) -> None:
    register_model_family(
        container,
        FAMILY,
        MultitaskTranslator,
        TranslatorConfig,
        factory=create,
        supports_meta=False,
    )
