"""The adapters of an audio-language model lie in its language model."""

from dataclasses import replace

from torch import nn

from models.audio_language.model import AudioLanguageModel
from train.recipes.lora import LoraSection, add_lora


def add_language_lora(model: AudioLanguageModel, section: LoraSection) -> nn.Module:
    """As `add_lora`. The audio encoder has modules of the same names, which are left alone."""
    modules = model.network.named_modules()
    prefix = next(name for name, module in modules if module is model.language_layers)
    return add_lora(model.network, section, model.lora_modules, within=f"{prefix}.")


def with_modules(model: AudioLanguageModel, section: LoraSection) -> LoraSection:
    """The section, naming the modules that get an adapter."""
    return replace(section, modules=section.modules or list(model.lora_modules))
