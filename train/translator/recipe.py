"""The fairseq2 recipe of stages 1 and 2: they differ in their configurations only."""

from dataclasses import dataclass, field

from fairseq2.recipe.base import Recipe, RecipeContext
from fairseq2.recipe.config import (
    PASSTHROUGH_LR,
    CommonSection,
    GangSection,
    LRSchedulerSection,
    ModelSection,
    OptimizerSection,
    RegimeSection,
    TrainerSection,
)
from fairseq2.runtime.dependency import DependencyContainer
from fairseq2.task import Task
from fairseq2.utils.structured import StructureError, ValueConverter
from torch.nn import Module

from foundation.errors import InputError
from models.translator import TranslatorOptions
from models.whisper.hearing import PLAIN, Hearing
from train.data.batch_plan import BatchSection
from train.data.batches import TruncationSection
from train.data.examples import DataSection, written_languages
from train.data.masking import MaskingSection
from train.data.recipe_data import ReaderSection, train_reader, validation_readers
from train.recipes.checks import check_before_loading
from train.recipes.errors import register_input_errors
from train.recipes.log import hush_environment
from train.recipes.metric_names import name_metrics
from train.recipes.trainer import create_trainer
from train.translator.family import FAMILY, TranslatorConfig, check_languages, register_translators
from train.translator.model import MultitaskTranslator
from train.translator.unit import TranslationEvalUnit, TranslationUnit


@dataclass(kw_only=True)
class TranslationConfig:
    """How a translator is trained."""

    model: ModelSection = field(default_factory=lambda: ModelSection(family=FAMILY))
    """`config_overrides` are the fields of `train.translator.family.TranslatorConfig`."""

    train: list[DataSection] = field(default_factory=list)
    """What is trained on. All sections are mixed in every batch, in the ratio of their pairs and weights."""

    validation: list[DataSection] = field(default_factory=list)
    """What is validated on; each section gets its own scores."""

    batch: BatchSection = field(default_factory=BatchSection)
    """The size of a batch, over all processes."""

    truncation: TruncationSection | None = None
    """How clips are cut, as in stage 2; null leaves them whole."""

    masking: MaskingSection | None = None
    """How parts of the features are hidden, as in SpecAugment; null hides none."""

    frozen_after_s: float | None = None
    """Clips are heard with frames so far behind the newest audio frozen, as when the model runs; null hears
    all of a clip at once. Needs a frozen encoder, and encoder caches that were heard so."""

    reader: ReaderSection = field(default_factory=ReaderSection)
    """How data is read."""

    label_smoothing: float = 0.1
    """How much the cross-entropy in training is smoothed, from 0 to below 1."""

    gang: GangSection = field(default_factory=GangSection)
    trainer: TrainerSection = field(default_factory=TrainerSection)
    optimizer: OptimizerSection = field(default_factory=OptimizerSection)
    lr_scheduler: LRSchedulerSection = field(
        default_factory=lambda: LRSchedulerSection(name=PASSTHROUGH_LR, config=None)
    )
    """The paper's rate is constant."""

    regime: RegimeSection = field(default_factory=RegimeSection)
    common: CommonSection = field(default_factory=CommonSection)

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise InputError(f"label_smoothing must be from 0 to below 1, got {self.label_smoothing:g}")


class TranslationRecipe(Recipe):
    """Trains a speech translator on speech and text."""

    def register(self, container: DependencyContainer) -> None:
        register_translators(container)
        name_metrics(container, {"speech_nll": "Speech NLL Loss", "text_nll": "Text NLL Loss"})
        register_input_errors(container)
        hush_environment()

    def setup_model(self, context: RecipeContext, model: Module, newly_initialized: bool) -> Module:
        model.freeze()
        if context.gangs.root.rank == 0:
            model.describe(context.output_dir)
        return model

    def create_task(self, context: RecipeContext) -> Task:
        config = context.get_config_as(TranslationConfig)
        check_before_loading(context, config)
        _check_languages(context, config)
        model = context.get_model_as(MultitaskTranslator)
        unit = TranslationUnit(context.get_data_parallel_model(), config.label_smoothing)
        hearing = asked_hearing_of(config)
        reader = train_reader(
            context, config, model.start, model.freeze_encoder, masking=config.masking, hearing=hearing
        )
        units, readers = [], []
        held_out = validation_readers(context, config, model.start, hearing=hearing)
        for name, references, valid_reader in held_out:
            units.append(TranslationEvalUnit(model, name, references))
            readers.append(valid_reader)
        return create_trainer(context, unit, reader, units, readers)

    @property
    def config_kls(self) -> type[object]:
        """The class of this recipe's configurations."""
        return TranslationConfig

    def has_static_autograd_graph(self, context: RecipeContext) -> bool:
        """No: a batch without texts leaves the text encoder out."""
        return False


def asked_hearing_of(config: TranslationConfig) -> Hearing:
    """Raises InputError for a number out of range, and for clips that no cache holds."""
    hearing = PLAIN.chosen(TranslatorOptions(frozen_after_s=config.frozen_after_s))
    if not hearing.is_plain:
        for section in [*config.train, *config.validation]:
            if section.task != "nmt" and section.encoder_cache is None:
                raise InputError(
                    "frozen_after_s needs an encoder cache for each section with clips, and "
                    f"{section.manifest} has none: make it with `simulst prepare encode --frozen-after-s "
                    f"{config.frozen_after_s:g}`"
                )
    return hearing


def _check_languages(context: RecipeContext, config: TranslationConfig) -> None:
    """Raises InputError for a data section in languages that a new model would not know."""
    try:
        converter = context.resolver.resolve(ValueConverter)
        model = converter.structure(config.model.config_overrides or {}, TranslatorConfig)
    except StructureError:
        return  # fairseq2 says what is wrong when it makes the model
    sections = [*config.train, *config.validation]
    check_languages(
        model, [(section.source, target) for section in sections for target in written_languages(section)]
    )
