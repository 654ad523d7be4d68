"""Reads the network and the description of an audio-language model's folder, as Hugging Face has it.

config.json may have a section of this project's own:

    "translation": {"prompt": "...", "languages": ["de", ...], "source_languages": ["en"],
                    "alignment_heads": [[layer, head], ...]}

Folders of LoRA adapters are loaded too, merged into their base, when they hold config.json and
the tokenizer beside adapter_config.json.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from foundation.errors import InputError
from models.audio_language.tokenizer import PromptFormat
from models.storage.declared_sizes import is_size
from models.storage.locate import locate_base
from models.storage.model_files import read_json
from models.storage.stored_weights import some
from models.translator import TranslatorOptions
from models.translator_options import STORED

ADAPTER = "adapter_config.json"
SECTIONS = ("audio_config", "encoder_config", "projector_config", "text_config")


def read_network(
    path: Path, class_name: str, family: str, kinds: Sequence[str], dtype: torch.dtype | str
) -> nn.Module:
    """The network of transformers' class class_name, adapters merged into it.

    family: its name, for messages; kinds: values of model_type that it reads; dtype: STORED is that of the
    files. Raises InputError for whatever
    cannot be used.
    """
    network_class = _network_class(class_name)
    config = read_json(path / "config.json")
    refuse_huge(path / "config.json", config)
    kind = config.get("model_type")
    if kind not in kinds:
        raise InputError(
            f"{path} holds a {kind!r} model, which is no audio-language model known here: give one whose "
            f"model_type is {kinds[0]!r}"
        )
    try:
        network, report = network_class.from_pretrained(
            path, dtype=dtype, output_loading_info=True, local_files_only=True
        )
    except Exception as error:  # what damaged files raise differs between formats and versions
        raise InputError(f"{path} holds no usable {family} ({_reason(error)}): download it again") from None
    missing = sorted(report["missing_keys"])
    if missing:
        raise InputError(
            f"the weights in {path} lack {len(missing)} tensors ({some(missing)}): download the model again"
        )
    return network


def _network_class(name: str) -> type[nn.Module]:
    try:
        import transformers

        return getattr(transformers, name)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"audio-language models need transformers 4.57 or later ({error}): install it with "
            "pip install -e '.[audio-language]'"
        ) from None


def refuse_huge(file: Path, config: dict[str, Any]) -> None:
    """Raises InputError for sizes that transformers would build for ever, or until the memory is full."""
    endings = ("_layers", "_size", "_positions", "_embeddings", "d_model", "_dim", "_heads", "_bins")
    endings += ("_window", "_experts", "_blocks", "_channel", "_channels", "_distance")
    thinker = config.get("thinker_config")
    whole = [config, thinker] if isinstance(thinker, dict) else [config]
    for section in (part for one in whole for part in (one, *map(one.get, SECTIONS))):
        for name, value in section.items() if isinstance(section, dict) else ():
            if name == "chunk_size":  # Phi-4-multimodal's, which is -1 and builds nothing
                continue
            # What is no number transformers refuses itself.
            if name.endswith(endings) and type(value) in (int, float) and not is_size(name, value, least=0):
                raise InputError(f"{file} gives no usable {name} ({str(value):.40}): download it again")


def base_of(adapter: Path) -> Path:
    """The folder of the model that an adapter changes: relative to it, or as `locate_base` finds it."""
    base = read_json(adapter).get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise InputError(f"{adapter} names no base_model_name_or_path: add the model that was trained on")
    return locate_base(adapter.parent, base)


def with_adapter(path: Path, network: nn.Module, dtype: torch.dtype | str) -> nn.Module:
    """The network with the LoRA adapter in a folder merged into its weights; dtype: STORED is float32."""
    if dtype == STORED:
        network = network.float()
    try:
        from peft import PeftModel
    except ImportError as error:
        raise InputError(
            f"{path} holds a LoRA adapter, which needs peft ({error}): install it with "
            "pip install -e '.[audio-language]'"
        ) from None
    try:
        with warnings.catch_warnings():
            # peft would go on with adapters that do nothing.
            warnings.filterwarnings("error", message=".*missing adapter keys")
            return PeftModel.from_pretrained(network, str(path)).merge_and_unload()
    except Exception as error:  # as above
        raise InputError(
            f"the adapter in {path} does not fit its base ({_reason(error)[:200]}): export it again"
        ) from None


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def translation_section(folder: Path, config: Any) -> dict[str, Any]:
    """What config.json, as transformers read it, has for translation: empty where it has nothing."""
    section = getattr(config, "translation", None) or {}
    if not isinstance(section, dict):
        raise InputError(f"{folder / 'config.json'} must give translation as an object: copy it again")
    return section


def prompt_format(
    folder: Path, section: dict[str, Any], options: TranslatorOptions, usual: PromptFormat
) -> PromptFormat:
    """How the model is asked: as the user says, else the section, else as usual in its family."""
    text = options.prompt if options.prompt is not None else section.get("prompt", usual.text)
    lists = {key: section.get(key, list(getattr(usual, key))) for key in ("languages", "source_languages")}
    for key, value in (("prompt", [text]), *lists.items()):
        if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
            raise InputError(f"{folder / 'config.json'} gives no usable translation {key}: copy it again")
    return PromptFormat(text, **{key: tuple(value) for key, value in lists.items()})


def alignment_heads(folder: Path, section: dict[str, Any]) -> tuple[tuple[int, int], ...] | None:
    """(layer, head) pairs, from 0, of the section; None where it names none."""
    pairs = section.get("alignment_heads")
    if pairs is None:
        return None
    try:
        return tuple((int(layer), int(head)) for layer, head in pairs)
    except (TypeError, ValueError):
        raise InputError(
            f"{folder / 'config.json'} must give translation alignment_heads as pairs [layer, head], found "
            f"{pairs!r}"
        ) from None
