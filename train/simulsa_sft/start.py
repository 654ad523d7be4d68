"""The audio-language model that a run starts from, and the note that a run leaves for those who follow.

A run's output folder holds audio_language.json: where its model came from and which adapters it has; and
fairseq2's checkpoints, with the weights that were trained and no others.
"""

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from foundation.errors import InputError
from foundation.files.whole_folder import replaced_file
from models.audio_language.families import load_audio_language_model
from models.audio_language.model import AudioLanguageModel
from models.storage.locate import locate_model
from models.storage.model_files import read_json
from models.storage.stored_weights import check_finite
from models.translator import TranslatorOptions
from train.recipes.lora import LoraSection
from train.recipes.start_model import best_checkpoint, read_checkpoint
from train.simulsa_sft.lora import add_language_lora

DESCRIPTION = "audio_language.json"
WRAPPER = "network."  # what names begin with in a checkpoint of `train.simulsa_sft.model`


@dataclass(frozen=True)
class Origin:
    """What a run trains: a model folder, perhaps with adapters."""

    start: str
    prompt: str | None  # where it is not the model's
    lora: LoraSection | None

    def write(self, output: Path) -> None:
        with replaced_file(output / DESCRIPTION) as partial:
            partial.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, output: Path) -> "Origin":
        found: dict[str, Any] = read_json(output / DESCRIPTION)
        lora = None if found["lora"] is None else LoraSection(**found["lora"])
        return cls(found["start"], found["prompt"], lora)


@dataclass(frozen=True)
class Trained:
    """A model as a run left it."""

    origin: Origin
    model: AudioLanguageModel
    lora: nn.Module | None  # peft's view of the network
    names: frozenset[str]  # weights that were trained
    constant: frozenset[str]  # weights that are never trained

    def merge(self) -> AudioLanguageModel:
        """The model with its adapters merged into its weights, as if it had been trained whole."""
        network = self.model.network
        if self.lora is not None:
            self.lora.merge_and_unload()
            for name, weight in network.named_parameters():
                weight.requires_grad_(name not in self.constant)
        if self.origin.prompt is not None:
            network.config.translation = {
                **(getattr(network.config, "translation", None) or {}),
                "prompt": self.origin.prompt,
            }
        return self.model


def run_of(path: Path) -> Path | None:
    """The output folder of this recipe that `path`, or the checkpoint `path`, belongs to."""
    run = path.parent.parent if re.fullmatch(r"step_\d+", path.name) else path
    return run if (run / DESCRIPTION).is_file() else None


def weights_at(path: Path) -> Path:
    """What `open_audio_language_model` reads at `path`: of a training output its best checkpoint now."""
    return best_checkpoint(path) if run_of(path) == path else path


def open_audio_language_model(path: Path, options: TranslatorOptions) -> AudioLanguageModel:
    """The model at `path`: a model folder, or a training output, its adapters merged into it.

    Of a training output it is the best checkpoint; a folder checkpoints/step_N is that one. Raises InputError
    if there is no complete audio-language model.
    """
    if run_of(path) is None:
        return load_audio_language_model(path, options)
    return open_trained(path, options).merge()


def open_trained(path: Path, options: TranslatorOptions) -> Trained:
    """path: a training output or one of its checkpoints. Raises InputError for a damaged one."""
    run = run_of(path)
    step = weights_at(path)
    origin = Origin.read(run)
    if options.prompt is None:
        options = replace(options, prompt=origin.prompt)
    model = open_audio_language_model(locate_model(origin.start), options)
    constant = constant_weights(model.network)
    lora = None if origin.lora is None else add_language_lora(model, origin.lora)
    network = model.network
    weights = read_checkpoint(step, WRAPPER, network)
    own = network.state_dict()
    strange = [name for name, value in weights.items() if name not in own or own[name].shape != value.shape]
    if strange or not weights:
        fault = f"has weights of another model ({strange[0]})" if strange else "holds no trained weights"
        raise InputError(f"{step} {fault}: is {origin.start} still the model that the run started from?")
    check_finite(step, weights, "take an earlier checkpoint")
    network.load_state_dict(weights, strict=False)
    return Trained(origin, model, lora, frozenset(weights), constant)


def constant_weights(network: nn.Module) -> frozenset[str]:
    """What the family itself never trains, such as sinusoidal positions."""
    return frozenset(name for name, weight in network.named_parameters() if not weight.requires_grad)
