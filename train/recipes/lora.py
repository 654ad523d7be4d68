"""Low-rank adapters (Hu et al. 2021, arXiv 2106.09685) on a network, by peft."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import nn

from foundation.errors import InputError


@dataclass(kw_only=True)
class LoraSection:
    """Low-rank adapters; the defaults are SimulSA's."""

    rank: int = 8
    """The rank of each adapter."""

    alpha: float = 32.0
    """What an adapter adds is multiplied by alpha / rank."""

    dropout: float = 0.0
    """This share of what an adapter reads is left out in training."""

    modules: list[str] = field(default_factory=list)
    """The matrices that get an adapter, by the ends of their names; none named: every matrix of a layer."""

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha <= 0 or not 0 <= self.dropout < 1:
            raise InputError(
                "lora needs a rank of 1 or more, a positive alpha and a dropout from 0 to below 1"
            )


def add_lora(network: nn.Module, section: LoraSection, usual: Sequence[str], within: str = "") -> nn.Module:
    """Puts new adapters into the network and returns peft's view of it; all other weights are frozen.

    usual: the modules where the section names none; within: only those whose names begin with it. Raises
    InputError where peft is missing, or for a module that is not there.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise InputError(
            f"LoRA needs peft ({error}): install it with pip install -e '.[train]', or set no lora"
        ) from None
    wanted = section.modules or usual
    linear = [
        name
        for name, module in network.named_modules()
        if name.startswith(within) and isinstance(module, nn.Linear)
    ]
    unknown = [one for one in wanted if not any(name.endswith(f".{one}") for name in linear)]
    if unknown:
        raise InputError(f"lora: the model has no modules {', '.join(unknown)}: see {', '.join(usual)}")
    config = LoraConfig(
        r=section.rank,
        lora_alpha=section.alpha,
        lora_dropout=section.dropout,
        target_modules=rf"{re.escape(within)}.*\.({'|'.join(map(re.escape, wanted))})",
    )
    return get_peft_model(network, config)
