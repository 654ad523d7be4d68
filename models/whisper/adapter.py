"""A low-rank adapter on a Whisper: a few megabytes beside public weights (LoRA, arXiv 2106.09685).

    adapter_config.json          peft's: rank, alpha, and the model that the adapter is for
    adapter_model.safetensors    peft's: two thin matrices A and B for each matrix that is changed
    adapter.json                 {"base_fingerprint": "5f0c...", "trailing_silence_ms": 0}

The first two are what peft loads on transformers' Whisper, too. The model is named by a path that starts from
the folder, or as --model takes it; other weights than those that were trained on are refused. Adapters are
merged into the weights when these are loaded, so that they cost nothing afterwards.

Shapes: r rank, I and O inputs and outputs of a matrix.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from foundation.errors import InputError
from models.storage.fingerprint import fingerprint
from models.storage.locate import locate_base
from models.storage.model_files import read_json
from models.storage.stored_weights import check_finite, read_safetensors, write_safetensors
from models.whisper.huggingface_names import huggingface_name, openai_name

CONFIG, WEIGHTS, ABOUT = "adapter_config.json", "adapter_model.safetensors", "adapter.json"
PEFT = "base_model.model."  # what names begin with in peft's files
FIRST, SECOND = ".lora_A.weight", ".lora_B.weight"  # what they end with
CURE = "copy the adapter's folder again"
LARGEST_ALPHA = 1e6
# Kinds of adapters, by peft's keys, that add something else than alpha / r times B A.
OTHER_KINDS = ("use_rslora", "use_dora", "alpha_pattern", "rank_pattern", "fan_in_fan_out")


@dataclass(frozen=True)
class Adapter:
    """What is added to a Whisper's matrices, and which Whisper that is."""

    base: str  # name or path
    base_fingerprint: str
    matrices: Mapping[str, tuple[Tensor, Tensor]]  # A (r, I) and B (O, r) by OpenAI's names of modules
    scale: float  # of what is added: alpha / r
    trailing_silence_ms: int  # behind the audio in training

    @cached_property
    def fingerprint(self) -> str:
        """Tells it from other adapters, also of the same base and of the same matrices at another scale."""
        matrices = {f"{name}.{part}": pair[part] for name, pair in self.matrices.items() for part in (0, 1)}
        return fingerprint({**matrices, "scale": torch.tensor([self.scale])})

    def merged(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The base's weights, those that are changed in the number format that they had.

        Raises InputError for other weights than those of the base, for matrices that these do not have, and
        for sums that the format does not hold.
        """
        if whisper_fingerprint(weights) != self.base_fingerprint:
            raise InputError(
                f"the adapter was trained on {self.base}, and these weights are others: give it the model of "
                "that name as it was published, or take another adapter"
            )
        merged = dict(weights)
        for name, (first, second) in self.matrices.items():
            weight = weights.get(f"{name}.weight")
            if weight is None or weight.shape != (second.shape[0], first.shape[1]):
                raise InputError(f"the adapter has no usable matrices for {name}: {CURE}")
            change = self.scale * (second.float() @ first.float())
            merged[f"{name}.weight"] = (weight.float() + change).to(weight.dtype)
        changed = {f"{name}.weight": merged[f"{name}.weight"] for name in self.matrices}
        check_finite("the weights with the adapter", changed, CURE)
        return merged


def whisper_fingerprint(weights: Mapping[str, Tensor]) -> str:
    """That of a Whisper's weights by OpenAI's names; the encoder's positions are computed, not learned."""
    return fingerprint(weights, without=["encoder.positional_embedding"])


def has_adapter(path: Path) -> bool:
    """Whether a folder holds an adapter for a Whisper; those of other families have no adapter.json."""
    return (path / ABOUT).is_file() and (path / CONFIG).is_file()


def adapter_files(folder: Path) -> dict[str, bool]:
    """Whether the files of an adapter are there, by name."""
    return {name: (folder / name).is_file() for name in (CONFIG, WEIGHTS, ABOUT)}


def save_adapter(folder: Path, adapter: Adapter, dtype: torch.dtype = torch.float16) -> None:
    """Put the adapter's files into `folder`, which is there; matrices in `dtype`."""
    rank = next(iter(adapter.matrices.values()))[0].shape[0]
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": adapter.base,
        "r": rank,
        "lora_alpha": adapter.scale * rank,
        "target_modules": sorted(_module(name) for name in adapter.matrices),
        "inference_mode": True,
    }
    about = {
        "base_fingerprint": adapter.base_fingerprint,
        "trailing_silence_ms": adapter.trailing_silence_ms,
    }
    weights = {
        PEFT + _module(name) + ending: matrix.detach().to("cpu", dtype).contiguous()
        for name, pair in adapter.matrices.items()
        for ending, matrix in zip((FIRST, SECOND), pair, strict=True)
    }
    write_safetensors(folder / WEIGHTS, weights, {"format": "pt"})
    for name, content in ((CONFIG, config), (ABOUT, about)):
        (folder / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_adapter(folder: Path) -> Adapter:
    """Raises InputError, with what is wrong and how to mend it, if there is no complete adapter."""
    if not (folder / WEIGHTS).is_file():
        raise InputError(f"{folder} holds an adapter without {WEIGHTS}: {CURE}")
    config, about = read_json(folder / CONFIG), read_json(folder / ABOUT)
    base, rank, alpha = (config.get(key) for key in ("base_model_name_or_path", "r", "lora_alpha"))
    if not isinstance(base, str) or not base:
        raise InputError(f"{folder / CONFIG} names no base_model_name_or_path: {CURE}")
    if type(rank) is not int or rank < 1 or type(alpha) not in (int, float) or not 0 < alpha <= LARGEST_ALPHA:
        raise InputError(f"{folder / CONFIG} gives no usable r and lora_alpha: {CURE}")
    others = [key for key in OTHER_KINDS if config.get(key)]
    if others or config.get("peft_type", "LORA") != "LORA":
        raise InputError(
            f"{folder / CONFIG} is of another kind of adapter ({', '.join(others) or 'peft_type'}), which is "
            "not known here: train plain LoRA"
        )
    silence_ms, found = about.get("trailing_silence_ms"), about.get("base_fingerprint")
    if type(silence_ms) is not int or not 0 <= silence_ms <= 30_000 or not isinstance(found, str):
        raise InputError(f"{folder / ABOUT} gives no usable base_fingerprint and trailing_silence_ms: {CURE}")
    stored = read_safetensors(folder / WEIGHTS)
    check_finite(folder / WEIGHTS, stored, CURE)
    if not all(matrix.is_floating_point() for matrix in stored.values()):
        raise InputError(f"{folder / WEIGHTS} holds matrices of whole numbers: {CURE}")
    matrices = _pairs(folder / WEIGHTS, stored)
    shapes = [(first.shape, second.shape) for first, second in matrices.values()]
    if not all(len(a) == len(b) == 2 and a[0] == b[1] == rank for a, b in shapes):
        raise InputError(f"{folder / WEIGHTS} holds matrices of another rank than r {rank}: {CURE}")
    return Adapter(base, found, matrices, alpha / rank, silence_ms)


def base_of(folder: Path, adapter: Adapter) -> Path:
    """Where the Whisper of the adapter in `folder` is. Raises InputError where it cannot be found."""
    try:
        return locate_base(folder, adapter.base)
    except InputError as error:
        raise InputError(f"{folder} is an adapter, whose model is not here: {error}") from None


def _module(name: str) -> str:
    """Hugging Face's name of a module that OpenAI calls `name`."""
    return huggingface_name(f"{name}.weight").removesuffix(".weight")


def _pairs(file: Path, stored: Mapping[str, Any]) -> dict[str, tuple[Tensor, Tensor]]:
    """Raises InputError for names of anything else than pairs of matrices."""
    modules = {name.removesuffix(FIRST) for name in stored if name.endswith(FIRST)}
    expected = {name + ending for name in modules for ending in (FIRST, SECOND)}
    if not modules or expected != set(stored) or not all(name.startswith(PEFT) for name in modules):
        raise InputError(f"{file} must hold two matrices for each module, and nothing else: {CURE}")
    pairs = {}
    for name in sorted(modules):
        ours = openai_name(f"{name.removeprefix(PEFT)}.weight").removesuffix(".weight")
        pairs[ours] = stored[name + FIRST], stored[name + SECOND]
    return pairs
