"""Low-rank adapters (Hu et al. 2021, arXiv 2106.09685) on a language model, by peft."""

from dataclasses import dataclass, field

from torch import nn

from foundation.errors import InputError
from models.audio_language.model import AudioLanguageModel

# Every matrix of a Qwen2 layer.
MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(kw_only=True)
class LoraSection:
    """Low-rank adapters; the defaults are SimulSA's."""

    rank: int = 8
    """The rank of each adapter."""

    alpha: float = 32.0
    """What an adapter adds is multiplied by alpha / rank."""

    dropout: float = 0.0
    """This share of what an adapter reads is left out in training."""

    modules: list[str] = field(default_factory=lambda: list(MODULES))
    """The matrices of the language model that get an adapter, by their names."""

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha <= 0 or not 0 <= self.dropout < 1 or not self.modules:
            raise InputError(
                "lora needs a rank of 1 or more, a positive alpha, a dropout from 0 to below 1, and modules"
            )


def add_lora(model: AudioLanguageModel, section: LoraSection) -> nn.Module:
    """Puts new adapters into the network and returns peft's view of it.

    Raises InputError where peft is missing, or for a module that the language model does not have.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise InputError(
            f"LoRA needs peft ({error}): install it with pip install -e '.[audio-language]', or set no lora"
        ) from None
    modules = list(model.network.named_modules())
    prefix = next(name for name, module in modules if module is model.language_model)
    names = [name for name, _ in modules if name.startswith(f"{prefix}.")]
    unknown = [one for one in section.modules if not any(name.endswith(f".{one}") for name in names)]
    if unknown:
        raise InputError(f"the language model has no modules {', '.join(unknown)}: see {', '.join(MODULES)}")
    config = LoraConfig(
        r=section.rank,
        lora_alpha=section.alpha,
        lora_dropout=section.dropout,
        # The audio encoder has modules of the same names.
        target_modules=rf"{prefix}\..*\.({'|'.join(section.modules)})",
    )
    return get_peft_model(model.network, config)
