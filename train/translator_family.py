"""fairseq2's view of the translators that are trained here."""

from dataclasses import dataclass, field
from pathlib import Path

from fairseq2.composition import register_model_family
from fairseq2.runtime.dependency import DependencyContainer

from models.errors import InputError
from models.locate import locate_model
from train.multitask_model import MultitaskTranslator
from train.start_model import StartModel, new_model, open_model

FAMILY = "simulst_translator"


@dataclass(kw_only=True)
class TranslatorConfig:
    """The model that a run trains. Either `start`, or all that makes a new one."""

    start: str | None = None
    """Model by name or path: a model folder, a Whisper, or the output folder of an earlier run."""

    architecture: str = "reina-mini"
    """Sizes of a new model: reina-mini or reina-medium."""

    sizes: dict[str, int | float | bool] = field(default_factory=dict)
    """Fields of `models.reina.ReinaDimensions` that differ from the architecture's."""

    whisper: str | None = None
    """Whisper, by path or name, whose encoder a new model starts from."""

    tokenizer: Path | None = None
    """SentencePiece model of a new model (`train.prepare sentencepiece`)."""

    languages: list[str] = field(default_factory=list)
    """Languages that a new model writes; each gets a tag behind the pieces."""

    source_languages: list[str] = field(default_factory=lambda: ["en"])
    """Languages that a new model understands."""

    freeze_encoder: bool = False
    """Leave the audio encoder as it is. Needed where clips come from an encoder cache."""


def start_model(config: TranslatorConfig) -> StartModel:
    """Raises InputError where the configuration or its files cannot be used."""
    if config.start is not None:
        return open_model(locate_model(config.start))
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


def create(config: TranslatorConfig) -> MultitaskTranslator:
    return MultitaskTranslator(start_model(config), config.freeze_encoder)


def register_translators(container: DependencyContainer) -> None:
    register_model_family(
        container,
        FAMILY,
        MultitaskTranslator,
        TranslatorConfig,
        factory=create,
        supports_meta=False,
    )
