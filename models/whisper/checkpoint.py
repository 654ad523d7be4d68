"""Loads Whisper weights from the layouts that they are published in, under OpenAI's names.

    a Hugging Face folder     config.json, model.safetensors (or shards with an index), tokenizer.json
    an OpenAI file            NAME.pt, with the model's tokenizer.json beside it
    a CTranslate2 folder      model.bin, tokenizer.json (what faster-whisper uses)
    an adapter                of such a model (`models.whisper.adapter`), merged into it

Every file is checked against the sizes it declares before anything is built from it, and weights are
returned in the number format in which they are stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from foundation.errors import InputError
from models.layers.attention_heads import Heads
from models.layers.empty_network import without_values
from models.storage.declared_sizes import is_size
from models.storage.model_files import read_json, refuse_lfs_pointer
from models.storage.stored_weights import check_weights, read_folder_weights, some
from models.storage.tokenizer_files import tokenizer_file
from models.whisper.adapter import (
    Adapter,
    adapter_files,
    base_of,
    has_adapter,
    read_adapter,
)
from models.whisper.alignment_heads import alignment_heads
from models.whisper.ctranslate2 import read_ctranslate2
from models.whisper.huggingface_names import openai_name
from models.whisper.network import Whisper, WhisperDimensions


@dataclass(frozen=True)
class WhisperCheckpoint:
    """A Whisper model as it lies on disk, not yet a network."""

    dimensions: WhisperDimensions
    weights: dict[str, Tensor]  # by OpenAI's parameter names
    alignment_heads: Heads | None  # (layer, head) from 0 whose cross-attention follows the speech
    tokenizer_file: Path  # tokenizer.json, or vocab.json with merges.txt beside it
    special_tokens: dict[str, int] = field(default_factory=dict)  # ids that the configuration declares
    trailing_silence_ms: int | None = None  # behind the audio in training, if the configuration tells
    adapter: Adapter | None = None  # that is merged into the weights


def load_whisper_checkpoint(path: Path) -> WhisperCheckpoint:
    """Load the Hugging Face folder, OpenAI .pt file, CTranslate2 folder or adapter at `path`.

    Raises InputError, with what is wrong and how to mend it, if there is no complete Whisper there.
    """
    if not path.exists():
        raise InputError(f"model path {path} does not exist: give a model folder or an OpenAI .pt file")
    if has_adapter(path):
        return _with_adapter(path)
    folder = path if path.is_dir() else path.parent
    declared: dict[str, Any] = {}  # an OpenAI file needs none, and the JSON beside it may be another model's
    if path.is_dir():
        for name in ("config.json", "generation_config.json"):
            declared |= read_json(folder / name) if (folder / name).exists() else {}
    if path.is_file():
        dimensions, weights = _read_openai(path)
    elif list(folder.glob("model*.safetensors*")):
        dimensions, weights = whisper_dimensions(folder, declared), _read_huggingface(folder)
    elif (folder / "model.bin").exists():
        dimensions, weights = read_ctranslate2(folder / "model.bin")
    else:
        raise InputError(_no_weights(folder, declared))
    d = dimensions
    for width, heads in ((d.n_audio_state, d.n_audio_head), (d.n_text_state, d.n_text_head)):
        if heads < 1 or width % heads:
            raise InputError(f"{path}: width {width} does not split into {heads} heads: mend its sizes")
    with without_values():
        expected = Whisper(dimensions).state_dict()
    check_weights(path, expected, weights)

    tokens = tokenizer_file(folder)
    if tokens is None:
        raise InputError(
            f"{folder} has no tokenizer.json, nor vocab.json with merges.txt: copy there those of the same "
            "model's Hugging Face folder"
        )
    heads = alignment_heads(folder, declared.get("alignment_heads"), dimensions)
    specials, silence_ms = _special_tokens(folder, declared), trailing_silence_ms(folder, declared)
    return WhisperCheckpoint(dimensions, weights, heads, tokens, specials, silence_ms)


def _with_adapter(folder: Path) -> WhisperCheckpoint:
    """The Whisper that an adapter is for, changed by it."""
    adapter = read_adapter(folder)
    path = base_of(folder, adapter)
    if has_adapter(path):
        raise InputError(f"{folder} is an adapter for {path}, which is one, too: name a whole Whisper there")
    base = load_whisper_checkpoint(path)
    try:
        weights = adapter.merged(base.weights)
    except InputError as error:
        raise InputError(f"{folder} does not fit {path}: {error}") from None
    return replace(base, weights=weights, trailing_silence_ms=adapter.trailing_silence_ms, adapter=adapter)


def _no_weights(folder: Path, config: dict[str, Any]) -> str:
    openai_files = sorted(folder.glob("*.pt"))
    if openai_files:
        return f"{folder} is not a model folder but holds OpenAI files: give one, as {openai_files[0]}"
    if config.get("model_type", "whisper") != "whisper":
        return _other_architecture(folder, config)
    adapter = adapter_files(folder)
    if any(adapter.values()):
        missing = ", ".join(name for name, is_there in adapter.items() if not is_there)
        return (
            f"{folder} holds an adapter without {missing}: copy the adapter's folder again, or merge it into "
            "its model where peft alone has written it (merge_and_unload)"
        )
    if (folder / "pytorch_model.bin").exists():
        return (
            f"{folder} has its weights in pytorch_model.bin only, which can run code when it is opened: "
            "save the model as safetensors"
        )
    return (
        f"{folder} holds no weights: it needs config.json with model.safetensors (Hugging Face), "
        "or model.bin (CTranslate2)"
    )


HUGGINGFACE_SIZES = {
    "n_mels": "num_mel_bins",
    "n_audio_ctx": "max_source_positions",
    "n_audio_state": "d_model",
    "n_audio_head": "encoder_attention_heads",
    "n_audio_layer": "encoder_layers",
    "n_vocab": "vocab_size",
    "n_text_ctx": "max_target_positions",
    "n_text_state": "d_model",
    "n_text_head": "decoder_attention_heads",
    "n_text_layer": "decoder_layers",
}


def trailing_silence_ms(folder: Path, config: Mapping[str, Any]) -> int | None:
    """What config.json of a model that was trained here tells. Raises InputError for what is no duration."""
    silence_ms = config.get("trailing_silence_ms")
    if silence_ms is not None and not (type(silence_ms) is int and 0 <= silence_ms <= 30_000):
        raise InputError(
            f"{folder / 'config.json'} must give trailing_silence_ms as a whole number from 0 to 30000, "
            f"found {silence_ms!r:.40}: correct it, or remove the entry"
        )
    return silence_ms


def _special_tokens(folder: Path, declared: Mapping[str, Any]) -> dict[str, int]:
    """Ids of special tokens by name, as far as config.json and generation_config.json give them.

    Raises InputError for ids that are no numbers.
    """
    single = {
        "<|endoftext|>": "eos_token_id",
        "<|startoftranscript|>": "decoder_start_token_id",
        "<|notimestamps|>": "no_timestamps_token_id",
        "<|startofprev|>": "prev_sot_token_id",
    }
    ids = {token: declared.get(key) for token, key in single.items()}
    languages, tasks = declared.get("lang_to_id") or {}, declared.get("task_to_id") or {}
    if isinstance(ids["<|endoftext|>"], list):  # several tokens may end a text
        ids["<|endoftext|>"] = ids["<|endoftext|>"][0] if len(ids["<|endoftext|>"]) == 1 else None
    if isinstance(languages, dict) and isinstance(tasks, dict):
        ids |= languages | {f"<|{task}|>": id for task, id in tasks.items()}
    else:
        ids["lang_to_id or task_to_id"] = "no object"
    wrong = [token for token, id in ids.items() if not (id is None or type(id) is int)]
    if wrong:
        raise InputError(
            f"config.json or generation_config.json in {folder} gives no id for {wrong[0]} "
            f"(found {ids[wrong[0]]!r:.40}): download them again"
        )
    return {token: id for token, id in ids.items() if id is not None}


def _other_architecture(folder: Path, config: dict[str, Any]) -> str:
    found = config.get("model_type")
    return f"{folder / 'config.json'} describes a {found!r} model: give one whose model_type is 'whisper'"


def whisper_dimensions(folder: Path, config: dict[str, Any]) -> WhisperDimensions:
    """Sizes of a Hugging Face folder, from its config.json. Raises InputError if they are not there."""
    if not config or not (folder / "config.json").exists():  # generation_config.json tells no sizes
        raise InputError(f"{folder} has weights but no config.json: copy the model's config.json there")
    if config.get("model_type") != "whisper":
        raise InputError(_other_architecture(folder, config))
    for key, value in {"activation_function": "gelu", "scale_embedding": False}.items():
        if config.get(key, value) != value:
            raise InputError(
                f"{folder / 'config.json'} says {key} {config[key]!r:.40}, but Whisper has {value!r}, "
                "which alone is computed here: correct it, or give another model"
            )
    sizes = {name: config.get(key) for name, key in HUGGINGFACE_SIZES.items()}
    return _checked_dimensions(
        folder / "config.json", {HUGGINGFACE_SIZES[name]: size for name, size in sizes.items()}, sizes
    )


def _checked_dimensions(
    file: Path, declared: Mapping[str, object], sizes: Mapping[str, object]
) -> WhisperDimensions:
    """declared: sizes under the names that the file gives them. Raises InputError for what is no size."""
    wrong = sorted({name for name, size in declared.items() if not is_size(name, size)})
    if wrong:
        found = ", ".join(f"{name} {str(declared[name]):.40}" for name in wrong[:3])
        raise InputError(
            f"{file} gives no positive whole number for {', '.join(wrong)}, or one that no model has "
            f"(found {found}): download it again"
        )
    return WhisperDimensions(**sizes)


def _read_huggingface(folder: Path) -> dict[str, Tensor]:
    weights = {openai_name(name): tensor for name, tensor in read_folder_weights(folder).items()}
    # Whisper's output layer is its token embedding; some files repeat it.
    output, embedding = weights.get("proj_out.weight"), weights.get("decoder.token_embedding.weight")
    if output is not None and embedding is not None and torch.equal(output, embedding):
        del weights["proj_out.weight"]
    return weights


def _read_openai(path: Path) -> tuple[WhisperDimensions, dict[str, Tensor]]:
    if path.suffix not in (".pt", ".pth"):
        raise InputError(f"{path} is not a .pt file: give its folder, or an OpenAI .pt file")
    refuse_lfs_pointer(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged pickle or archive raises depends on the damaged byte
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{path} is truncated, damaged or no checkpoint ({reason}): download it again"
        ) from None
    if not isinstance(content, dict) or not {"dims", "model_state_dict"} <= content.keys():
        found = some(content) if isinstance(content, dict) else type(content).__name__
        raise InputError(
            f"{path} is not an OpenAI Whisper checkpoint: it must hold dims and model_state_dict, "
            f"found {found}"
        )
    sizes = [field.name for field in fields(WhisperDimensions)]
    if not isinstance(content["dims"], dict) or set(content["dims"]) != set(sizes):
        raise InputError(
            f"{path} is not an OpenAI Whisper checkpoint: dims must have {', '.join(sizes)}, "
            f"found {content['dims']}"
        )
    weights = content["model_state_dict"]
    if not isinstance(weights, dict) or not all(isinstance(one, Tensor) for one in weights.values()):
        raise InputError(f"{path} holds something else than tensors as model_state_dict: download it again")
    return _checked_dimensions(path, content["dims"], content["dims"]), weights
