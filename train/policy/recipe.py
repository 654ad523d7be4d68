"""The fairseq2 recipe of stage 3: a policy network learns what more audio would tell its translator."""

from dataclasses import dataclass, field
from pathlib import Path

from fairseq2.composition import register_model_family
from fairseq2.recipe.base import Recipe, RecipeContext
from fairseq2.recipe.config import (
    MYLE_LR,
    CommonSection,
    GangSection,
    LRSchedulerSection,
    ModelSection,
    MyleLRConfig,
    OptimizerSection,
    RegimeSection,
    TrainerSection,
)
from fairseq2.runtime.dependency import DependencyContainer
from fairseq2.task import Task
from torch.nn import Module

from foundation.errors import InputError
from models.canary.network import Canary
from models.policy.network import PolicyOptions
from models.reina.network import Reina
from models.storage.locate import locate_model
from models.whisper.hearing import PLAIN, Hearing
from models.whisper.translator import usual_hearing
from train.data.batch_plan import BatchSection
from train.data.batches import TruncationSection
from train.data.examples import DataSection
from train.data.recipe_data import ReaderSection, train_reader, validation_readers
from train.data.streamed import HEARING_OPTIONS, asked_hearing
from train.policy import audio_language
from train.policy.alignment_loss import DEFAULT_TEMPERATURE_S
from train.policy.audio_language import AudioLanguageTeacher, is_audio_language_model
from train.policy.loss import PolicyLoss, check_policy
from train.policy.model import PolicyInTraining, Teacher
from train.policy.reina_loss import ReinaLossOptions
from train.policy.unit import CORRELATION, TERMS, PolicyEvalUnit, PolicyUnit
from train.recipes.checks import check_before_loading
from train.recipes.errors import register_input_errors
from train.recipes.log import hush_environment
from train.recipes.metric_names import name_metrics
from train.recipes.pinned_start import pinned
from train.recipes.start_model import POLICY, StartModel, open_model
from train.recipes.trainer import create_trainer

FAMILY = "simulst_policy"


@dataclass(kw_only=True)
class PolicyConfig:
    """The policy network and the translator that it is for."""

    translator: str = ""
    """The translator: a model folder, Whisper by path or name, or the output folder of an earlier stage."""

    trailing_silence_ms: int | None = None
    """The silence behind a clip; null: as the translator hears it when it runs, a REINA none."""

    dense_silence_ms: int | None = None
    """Where silence is thinned, so much of it is heard in full; null: 1000."""

    silence_stride: int | None = None
    """Of the rest one frame in so many is heard; null: as the translator does when it runs."""

    frozen_after_s: float | None = None
    """Frames so far behind the newest audio are frozen; null: as when it runs, a REINA's never."""

    width: int = 512
    """The width of the network, even and a multiple of the heads."""

    heads: int = 4
    """The number of attention heads."""

    layers: int = 2
    """The number of Transformer layers."""

    dropout: float = 0.1
    """The share of values that dropout leaves out in training."""

    objective: str = "gain"
    """What the network learns: gain, as in REINA, or divergence, as in DiG-SST."""

    score: str = "logit"
    """What q of the REINA loss is: the network's output (logit) or its sigmoid (probability)."""

    hears_duration: bool = False
    """Whether the seconds heard so far are embedded, as in REINA-TAN."""

    margin: float = ReinaLossOptions.margin
    """The eps of the monotonicity term (Eq. 6)."""

    monotonicity_weight: float = ReinaLossOptions.monotonicity_weight
    """The weight of the monotonicity term; 0 leaves it out."""

    norm_weight: float = ReinaLossOptions.norm_weight
    """The weight lambda of the L2 term."""

    gain: str = "reference"
    """The gain of objective `gain`: that of the reference's token (the paper's), or less noisy:
    kullback-leibler, its mean over what the model itself would write with all audio, or jensen-shannon, which
    has a bound, or jensen-shannon-distance, its square root; or regret, where becoming surer of the same
    token is no gain."""

    divergence: str = "jensen-shannon"
    """That of objective `divergence`: jensen-shannon, jensen-shannon-distance or kullback-leibler."""

    alignment_weight: float = 0.0
    """The weight of REINA-SAN's term; 0 leaves it out."""

    alignment_temperature_s: float = DEFAULT_TEMPERATURE_S
    """The temperature tau of REINA-SAN, in seconds."""


@dataclass(kw_only=True)
class PolicyTrainingConfig:
    """How a policy is trained."""

    model: ModelSection = field(default_factory=lambda: ModelSection(family=FAMILY))
    """`config_overrides` are the fields of `PolicyConfig`."""

    train: list[DataSection] = field(default_factory=list)
    """What is trained on: a list of sections of task s2tt or asr. Texts may be the translator's own."""

    validation: list[DataSection] = field(default_factory=list)
    """What is validated on; each section gets its own scores. All its clips are cut."""

    batch: BatchSection = field(default_factory=BatchSection)
    """The size of a batch, over all processes."""

    truncation: TruncationSection = field(default_factory=TruncationSection)
    """How clips are cut. A clip that stays whole has no gain."""

    reader: ReaderSection = field(default_factory=ReaderSection)
    """How data is read."""

    gang: GangSection = field(default_factory=GangSection)
    trainer: TrainerSection = field(default_factory=TrainerSection)
    optimizer: OptimizerSection = field(default_factory=OptimizerSection)
    lr_scheduler: LRSchedulerSection = field(
        default_factory=lambda: LRSchedulerSection(name=MYLE_LR, config=MyleLRConfig(num_warmup_steps=5000))
    )
    """How the rate goes down: with the inverse square root, after the paper's warm-up."""

    regime: RegimeSection = field(default_factory=RegimeSection)
    common: CommonSection = field(default_factory=CommonSection)


class PolicyRecipe(Recipe):
    """Trains a policy network on a frozen translator."""

    def register(self, container: DependencyContainer) -> None:
        register_model_family(
            container, FAMILY, PolicyInTraining, PolicyConfig, factory=create, supports_meta=False
        )
        name_metrics(container, {CORRELATION: "Goal Correlation"}, higher_better=True)
        name_metrics(container, {term: term.capitalize() for term in TERMS[1:]})
        register_input_errors(container)
        hush_environment()

    def setup_model(self, context: RecipeContext, model: Module, newly_initialized: bool) -> Module:
        model.teacher.to(context.device)
        if context.gangs.root.rank == 0:
            model.describe(context.output_dir / POLICY)
        return model

    def create_task(self, context: RecipeContext) -> Task:
        config = context.get_config_as(PolicyTrainingConfig)
        if any(section.task == "nmt" for section in config.train + config.validation):
            raise InputError("a policy learns from speech: take sections of task nmt out")
        if any(section.trailing_silence_ms for section in config.train + config.validation):
            raise InputError(
                "a policy's translator hears the same silence everywhere: give trailing_silence_ms below "
                "model.config_overrides, not in sections of data"
            )
        check_before_loading(context, config)
        model = context.get_model_as(PolicyInTraining)
        teacher = model.teacher
        unit = PolicyUnit(context.get_data_parallel_model(), teacher, model.loss)
        all_cut = TruncationSection(cut_probability=1.0, chunk_ms=config.truncation.chunk_ms)
        if isinstance(teacher, AudioLanguageTeacher):
            reader = audio_language.train_reader(context, config, teacher.model)
            sections = audio_language.validation_readers(context, config, teacher.model, all_cut)
        else:
            heard = {"whole": True, "hearing": teacher.hearing}
            reader = train_reader(context, config, teacher.start, frozen_encoder=True, **heard)
            sections = validation_readers(context, config, teacher.start, all_cut, **heard)
        units, readers = [], []
        for name, _, valid_reader in sections:
            units.append(PolicyEvalUnit(model, model.loss, name))
            readers.append(valid_reader)
        return create_trainer(context, unit, reader, units, readers)

    @property
    def config_kls(self) -> type[object]:
        return PolicyTrainingConfig


def create(config: PolicyConfig) -> PolicyInTraining:
    """Raises InputError where the configuration or the translator cannot be used."""
    if not config.translator:
        raise InputError("a policy needs its translator: give model.config_overrides.translator")
    check_policy(
        config.objective, config.hears_duration, config.alignment_weight, config.alignment_temperature_s
    )
    if config.objective == "gain" and config.divergence != PolicyConfig.divergence:
        raise InputError(
            f"divergence {config.divergence} is of objective `divergence`, and the objective is gain: set "
            "objective to divergence, or gain in its place"
        )
    path = locate_model(config.translator)
    base = pinned(config.translator, path)
    kind = config.gain if config.objective == "gain" else config.divergence
    aligns = config.alignment_weight > 0
    try:
        teacher = _teacher(config, path, kind, aligns)
        options = PolicyOptions(
            hidden_width=teacher.hidden_width,
            width=config.width,
            heads=config.heads,
            layers=config.layers,
            dropout=config.dropout,
            objective=config.objective,
            score=config.score,
            hears_duration=config.hears_duration,
        )
        loss = PolicyLoss(
            config.objective,
            ReinaLossOptions(config.score, config.margin, config.monotonicity_weight, config.norm_weight),
            config.alignment_weight,
            config.alignment_temperature_s,
        )
    except ValueError as error:
        raise InputError(f"policy: {error}") from None
    return PolicyInTraining(options, teacher, loss, base)


def _teacher(config: PolicyConfig, path: Path, kind: str, aligns: bool) -> Teacher | AudioLanguageTeacher:
    if is_audio_language_model(path):
        given = [name for name in HEARING_OPTIONS if getattr(config, name) is not None]
        if given:
            raise InputError(
                f"{given[0]} is for Whisper and REINA, and an audio-language model hears as it was trained: "
                "leave it out"
            )
        return AudioLanguageTeacher(path, config.objective, kind, aligns)
    start = open_model(path)
    return Teacher(start, config.objective, kind, aligns, _hearing(config, start))


def _hearing(config: PolicyConfig, start: StartModel) -> Hearing:
    """What the teacher hears. Raises InputError for numbers out of range, and any that a Canary is given.

    A REINA's frames are not frozen unless that is asked for: they hardly change, and caches of its encoder's
    outputs are older than freezing. A Canary's encoder hears all audio anew, without silence behind.
    """
    if isinstance(start.model, Canary):
        for name in HEARING_OPTIONS:
            if getattr(config, name) is not None:
                raise InputError(
                    f"{name} is for Whisper and REINA, and Canary hears the audio alone: leave it out"
                )
        return PLAIN
    usual = PLAIN if isinstance(start.model, Reina) else usual_hearing(start.trailing_silence_ms)
    return asked_hearing(config, usual)
