"""The fairseq2 recipe that fine-tunes audio-language models (SimulSA, arXiv 2509.15692)."""

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
from torch.nn import Module

from foundation.errors import InputError
from train.data.batch_plan import BatchSection
from train.data.examples import DataSection
from train.data.recipe_data import ReaderSection
from train.recipes.checks import check_before_loading
from train.recipes.errors import register_input_errors
from train.recipes.log import hush_environment
from train.recipes.trainer import create_trainer
from train.simulsa_sft.data import check_task, train_reader, validation_readers
from train.simulsa_sft.model import FAMILY, AudioLanguageInTraining, register_audio_language_models
from train.simulsa_sft.unit import SftEvalUnit, SftUnit


@dataclass(kw_only=True)
class SftConfig:
    """How an audio-language model is fine-tuned."""

    model: ModelSection = field(default_factory=lambda: ModelSection(family=FAMILY))
    """`config_overrides` are the fields of `train.simulsa_sft.model.AudioLanguageConfig`."""

    train: list[DataSection] = field(default_factory=list)
    """What is trained on: manifests of whole clips, and those of `train.simulsa_augment`.

    All sections are mixed in every batch, in the ratio of their pairs and weights.
    """

    validation: list[DataSection] = field(default_factory=list)
    """What is validated on; each section gets its own scores."""

    batch: BatchSection = field(default_factory=BatchSection)
    """The size of a batch, over all processes."""

    reader: ReaderSection = field(default_factory=ReaderSection)
    """How data is read."""

    label_smoothing: float = 0.0
    """How much the cross-entropy in training is smoothed, from 0 to below 1; the paper does not."""

    gang: GangSection = field(default_factory=GangSection)
    trainer: TrainerSection = field(default_factory=TrainerSection)
    optimizer: OptimizerSection = field(default_factory=OptimizerSection)
    lr_scheduler: LRSchedulerSection = field(
        default_factory=lambda: LRSchedulerSection(name=PASSTHROUGH_LR, config=None)
    )
    regime: RegimeSection = field(default_factory=RegimeSection)
    common: CommonSection = field(default_factory=CommonSection)

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise InputError(f"label_smoothing must be from 0 to below 1, got {self.label_smoothing:g}")


class SftRecipe(Recipe):
    """Trains an audio-language model to translate, and to stop where it has not heard enough."""

    def register(self, container: DependencyContainer) -> None:
        register_audio_language_models(container)
        register_input_errors(container)
        hush_environment()

    def setup_model(self, context: RecipeContext, model: Module, newly_initialized: bool) -> Module:
        divided = context.get_config_as(SftConfig).trainer.data_parallelism == "fsdp"
        if divided and model.config.precision != "float32":
            raise InputError(
                f"weights in {model.config.precision} beside adapters in float32 cannot be divided among "
                "processes: set model.config_overrides.precision float32, or trainer.data_parallelism ddp"
            )
        model.freeze()
        if context.gangs.root.rank == 0:
            model.describe(context.output_dir)
        return model

    def create_task(self, context: RecipeContext) -> Task:
        config = context.get_config_as(SftConfig)
        for section in config.train + config.validation:
            check_task(section)
        check_before_loading(context, config)
        model = context.get_model_as(AudioLanguageInTraining)
        unit = SftUnit(context.get_data_parallel_model(), config.label_smoothing)
        reader = train_reader(context, config, model.model, model.config.freeze_encoder)
        units, readers = [], []
        for name, references, valid_reader in validation_readers(context, config, model.model):
            units.append(SftEvalUnit(model, name, references))
            readers.append(valid_reader)
        return create_trainer(context, unit, reader, units, readers)

    @property
    def config_kls(self) -> type[object]:
        return SftConfig
