"""An audio-language model as it is trained, and fairseq2's view of it.

Shapes: B pairs, T audio frames, M positions that count, V vocabulary.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from fairseq2.composition import register_model_family
from fairseq2.models.utils.fsdp import apply_layerwise_fsdp
from fairseq2.nn.fsdp import FSDPWrapper
from fairseq2.runtime.dependency import DependencyContainer
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from foundation.errors import InputError
from models.audio_language.model import AudioFrames, AudioLanguageModel
from models.storage.locate import locate_model
from models.translator import TranslatorOptions
from train.recipes.attention_kernels import attention_kernels
from train.recipes.lora import LoraSection
from train.recipes.pinned_start import pinned
from train.recipes.resumption import holds_checkpoints, refuse_changes
from train.recipes.start_model import CHECKPOINTS
from train.recipes.trained_weights import TrainedWeights
from train.simulsa_sft.batches import AudioTextBatch
from train.simulsa_sft.lora import add_language_lora, with_modules
from train.simulsa_sft.start import DESCRIPTION, Origin, constant_weights, open_audio_language_model

FAMILY = "simulst_audio_language"


@dataclass(kw_only=True)
class AudioLanguageConfig:
    """The model that a run trains, and which parts of it."""

    start: str = ""
    """The audio-language model by name or path, or the output folder of an earlier run."""

    prompt: str | None = None
    """The whole prompt, as `--prompt` of an agent; null takes the model's."""

    precision: str = "float32"
    """The number format of the start model's weights. bfloat16 only where they are frozen, with lora."""

    lora: LoraSection | None = None
    """Adapters on the language model, whose own weights are then frozen; null: all of it is trained."""

    freeze_encoder: bool = True
    """Whether the audio encoder stays as it is. Needed where clips come from an encoder cache."""

    freeze_adapter: bool = False
    """Whether the layer between encoder and language model stays as it is."""


class AudioLanguageInTraining(TrainedWeights):
    """Data parallelism sees a module's `forward`; checkpoints see only what is trained."""

    def __init__(self, model: AudioLanguageModel, config: AudioLanguageConfig) -> None:
        super().__init__()
        self._constant = constant_weights(model.network)
        self.lora = None if config.lora is None else [add_language_lora(model, config.lora)]  # no submodule
        self.model = model
        self.network = model.network
        self.config = config

    def describe(self, output: Path) -> None:
        """Write where the model came from into the output folder of the run.

        Raises InputError where checkpoints of another model, prompt or lora are in it.
        """
        path = locate_model(self.config.start).absolute()
        start = pinned(str(path), path)
        lora = None if self.config.lora is None else with_modules(self.model, self.config.lora)
        origin = Origin(start, self.config.prompt, lora)
        begun = holds_checkpoints(output / CHECKPOINTS) and (output / DESCRIPTION).is_file()
        # Runs of earlier versions name the run that they start from, and not its checkpoint.
        same = (origin, replace(origin, start=str(path)))
        if begun and (found := Origin.read(output)) in same:
            return
        if begun:
            changed = [name for name in vars(origin) if getattr(origin, name) != getattr(found, name)]
            refuse_changes(output, changed)
        origin.write(output)

    def freeze(self) -> None:
        """Leave out of training what is not to be trained. Raises InputError if that is everything."""
        if self.lora is not None:
            hearing = {*self.model.encoder.parameters(), *self.model.adapter.parameters()}
            # Some language models have what hears inside, and others their head outside.
            for part in (self.model.language_model, self.model.head):
                for name, weight in part.named_parameters():
                    if weight not in hearing:
                        weight.requires_grad_("lora_" in name)
        if self.config.freeze_encoder:
            self.model.encoder.requires_grad_(False)
        if self.config.freeze_adapter:
            self.model.adapter.requires_grad_(False)
        for name, weight in self.network.named_parameters():
            if name in self._constant:
                weight.requires_grad_(False)

    def forward(self, batch: AudioTextBatch) -> tuple[Tensor, Tensor]:
        """Logits (M, V) and targets (M,) of all pairs, one after the other."""
        with attention_kernels(self.model.device):
            logits, real = self.model.teacher_forced(self.encode_batch(batch), batch.prompts, batch.targets)
        targets = [token for target in batch.targets for token in target]
        return logits[real], torch.tensor(targets, device=logits.device)

    def encode_batch(self, batch: AudioTextBatch) -> AudioFrames:
        """The encoder's output, of cached clips from the cache."""
        model = self.model
        frames = [None if one is None else one.to(model.device, model.dtype) for one in batch.cached]
        if any(one is None for one in frames):
            with torch.set_grad_enabled(torch.is_grad_enabled() and not self.config.freeze_encoder):
                waveforms = [one for one in batch.waveforms if one is not None]
                heard = model.encode_features(model.features(waveforms))
            encoded = iter(zip(heard.values, heard.lengths.tolist(), strict=True))
            for place, one in enumerate(frames):
                if one is None:
                    values, length = next(encoded)
                    frames[place] = values[:length]
        lengths = torch.tensor([len(one) for one in frames], device=model.device)
        return AudioFrames(pad_sequence(frames, batch_first=True), lengths)


def create(config: AudioLanguageConfig) -> AudioLanguageInTraining:
    """Raises InputError where the configuration or its files cannot be used."""
    if not config.start:
        raise InputError("there is no model to train: set `start` to an audio-language model")
    if config.lora is None and config.precision != "float32":
        raise InputError(f"weights in {config.precision} cannot be trained: use float32, or lora")
    options = TranslatorOptions(
        device=str(torch.get_default_device()), precision=config.precision, prompt=config.prompt
    )
    return AudioLanguageInTraining(open_audio_language_model(locate_model(config.start), options), config)


def shard(model: AudioLanguageInTraining, granularity: str, wrap: FSDPWrapper) -> AudioLanguageInTraining:
    """Divides the language model's layers among processes one by one, and all else at once.

    A process whose clips all come from a cache does not ask for the encoder's layers, for which another one
    would wait.
    """
    if granularity != "layer":
        raise InputError(f"trainer.fsdp.granularity must be layer or model, got {granularity!r}")
    apply_layerwise_fsdp(model.model.language_model.get_decoder().layers, wrap)
    return model


def register_audio_language_models(container: DependencyContainer) -> None:
    register_model_family(
        container,
        FAMILY,
        AudioLanguageInTraining,
        AudioLanguageConfig,
        factory=create,
        supports_meta=False,
        fsdp_applier=shard,
    )
