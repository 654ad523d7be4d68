"""A fine-tuned audio-language model as a folder that transformers and the agent load.

Merged, it is a model like the one that was trained. As an adapter it is a few MB beside a model that stays
where it is: peft's files, with the tokenizer and configuration of that model.
"""

import json
import shutil
from pathlib import Path

import torch

from foundation.errors import InputError
from foundation.files.whole_folder import whole_folder
from models.audio_language.model import AudioLanguageModel
from models.translator import TranslatorOptions
from train.simulsa_sft.start import Trained, open_trained


def save_trained(step: Path, folder: Path, dtype: torch.dtype, adapter_base: str | None) -> None:
    """Write a new folder. step: checkpoints/step_N of a run.

    adapter_base: name or path of the model that stays where it is; None merges adapters into it. Raises
    InputError if the run cannot be exported that way.
    """
    if adapter_base is None:
        model = open_trained(step, TranslatorOptions()).merge()
        model.network.to(dtype)
        model.save(folder)
        return
    base = Path(adapter_base).expanduser()
    if base.exists() and not (base / "config.json").is_file():
        raise InputError(f"{base} is no model folder: export it first and give that as --base")
    # The model itself is not written: its numbers may be short.
    trained = open_trained(step, TranslatorOptions(precision="bfloat16"))
    _check_adapter(step, trained)
    with whole_folder(folder) as partial:
        trained.lora.peft_config["default"].base_model_name_or_path = adapter_base
        trained.lora.save_pretrained(partial)
        _copy_tokenizer(trained.model, partial)


def _check_adapter(step: Path, trained: Trained) -> None:
    if trained.lora is None:
        raise InputError(f"{step} was trained without lora: leave --base out")
    if trained.origin.prompt is not None:
        raise InputError(f"{step} was trained with another prompt than its model's: leave --base out")
    whole = [name for name in trained.names if "lora_" not in name]
    if whole:
        raise InputError(
            f"{step} trained {len(whole)} weights beside its adapters ({whole[0]}), which an adapter cannot "
            "hold: leave --base out, or train with freeze_adapter"
        )


def _copy_tokenizer(model: AudioLanguageModel, folder: Path) -> None:
    """What the agent reads beside an adapter."""
    config = model.network.config.to_dict()
    (folder / "config.json").write_text(json.dumps(config, indent=2, default=str) + "\n", encoding="utf-8")
    for name in model.description_files:
        if (model.folder / name).is_file():
            shutil.copy(model.folder / name, folder / name)
