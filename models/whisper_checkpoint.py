"""Loads Whisper weights from the three layouts they are published in, under OpenAI's names.

    a Hugging Face folder     config.json, model.safetensors (or shards with an index), tokenizer.json
    an OpenAI file            NAME.pt, with the model's tokenizer.json beside it
    a CTranslate2 folder      model.bin, tokenizer.json (what faster-whisper uses)

Every file is checked against the sizes it declares before anything is built from it, and weights are
returned in the number format in which they are stored.
"""

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.ctranslate2 import read_ctranslate2
from models.errors import InputError
from models.stored_weights import check_weights, read_json, read_safetensors, some
from models.whisper import Whisper, WhisperDimensions

Heads = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class WhisperCheckpoint:
    """A Whisper model as it lies on disk, not yet a network."""

    dimensions: WhisperDimensions
    weights: dict[str, Tensor]  # by OpenAI's parameter names
    alignment_heads: Heads | None  # (layer, head) from 0 whose cross-attention follows the speech
    tokenizer_file: Path


def load_whisper_checkpoint(path: Path) -> WhisperCheckpoint:
    """Load the Hugging Face folder, OpenAI .pt file or CTranslate2 folder at `path`.

    Raises InputError, with what is wrong and how to mend it, if there is no complete Whisper there.
    """
    if not path.exists():
        raise InputError(f"model path {path} does not exist: give a model folder or an OpenAI .pt file")
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
    with torch.device("meta"):
        expected = Whisper(dimensions).state_dict()
    check_weights(path, expected, weights)

    tokenizer_file = folder / "tokenizer.json"
    if not tokenizer_file.exists():
        raise InputError(
            f"{folder} has no tokenizer.json: copy there the one from the same model's Hugging Face folder"
        )
    heads = _alignment_heads(folder, declared.get("alignment_heads"), dimensions)
    return WhisperCheckpoint(dimensions, weights, heads, tokenizer_file)


def _no_weights(folder: Path, config: dict[str, Any]) -> str:
    openai_files = sorted(folder.glob("*.pt"))
    if openai_files:
        return f"{folder} is not a model folder but holds OpenAI files: give one, as {openai_files[0]}"
    if config.get("model_type", "whisper") != "whisper":
        return _other_architecture(folder, config)
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
HUGGINGFACE_NAMES = (  # applied in this order
    (r"^model\.", ""),
    (r"^encoder\.layer_norm\.", "encoder.ln_post."),
    (r"^decoder\.layer_norm\.", "decoder.ln."),
    (r"embed_positions\.weight$", "positional_embedding"),
    (r"embed_tokens\.", "token_embedding."),
    (r"\.layers\.", ".blocks."),
    (r"\.self_attn_layer_norm\.", ".attn_ln."),
    (r"\.encoder_attn_layer_norm\.", ".cross_attn_ln."),
    (r"\.final_layer_norm\.", ".mlp_ln."),
    (r"\.self_attn\.", ".attn."),
    (r"\.encoder_attn\.", ".cross_attn."),
    (r"\.q_proj\.", ".query."),
    (r"\.k_proj\.", ".key."),
    (r"\.v_proj\.", ".value."),
    (r"\.out_proj\.", ".out."),
    (r"\.fc1\.", ".mlp.0."),
    (r"\.fc2\.", ".mlp.2."),
)


def _other_architecture(folder: Path, config: dict[str, Any]) -> str:
    found = config.get("model_type")
    return f"{folder / 'config.json'} describes a {found!r} model: give one whose model_type is 'whisper'"


def whisper_dimensions(folder: Path, config: dict[str, Any]) -> WhisperDimensions:
    """Sizes of a Hugging Face folder, from its config.json. Raises InputError if they are not there."""
    if not config:
        raise InputError(f"{folder} has weights but no config.json: copy the model's config.json there")
    if config.get("model_type") != "whisper":
        raise InputError(_other_architecture(folder, config))
    sizes = {name: config.get(key) for name, key in HUGGINGFACE_SIZES.items()}
    wrong = {HUGGINGFACE_SIZES[name] for name, size in sizes.items() if not isinstance(size, int) or size < 1}
    if wrong:
        raise InputError(
            f"{folder / 'config.json'} gives no positive whole number for {', '.join(sorted(wrong))}: "
            "download it again"
        )
    return WhisperDimensions(**sizes)


def _read_huggingface(folder: Path) -> dict[str, Tensor]:
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    files = [single]
    if not single.exists():
        if not index.exists():
            raise InputError(f"{folder} has shards of weights but no {index.name}: download that too")
        files = [folder / name for name in sorted(set(read_json(index).get("weight_map", {}).values()))]
        absent = [file.name for file in files if not file.exists()]
        if absent:
            raise InputError(f"{folder} lacks {some(absent)} named in {index.name}: download the rest")
    stored: dict[str, Tensor] = {}
    for file in files:
        stored |= read_safetensors(file)

    weights = {}
    for name, tensor in stored.items():
        for pattern, replacement in HUGGINGFACE_NAMES:
            name = re.sub(pattern, replacement, name)
        weights[name] = tensor
    # Whisper's output layer is its token embedding; some files repeat it.
    output, embedding = weights.get("proj_out.weight"), weights.get("decoder.token_embedding.weight")
    if output is not None and embedding is not None and torch.equal(output, embedding):
        del weights["proj_out.weight"]
    return weights


def _read_openai(path: Path) -> tuple[WhisperDimensions, dict[str, Tensor]]:
    if path.suffix not in (".pt", ".pth"):
        raise InputError(f"{path} is not a .pt file: give its folder, or an OpenAI .pt file")
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
    return WhisperDimensions(**content["dims"]), content["model_state_dict"]


# Cross-attention heads whose attention follows the speech in OpenAI's checkpoints, as published in
# whisper/__init__.py of openai/whisper. Each model is known by its sizes, which large-v1 and large-v2
# share, so these two have no entry.
ALIGNMENT_HEADS: dict[tuple[int, ...], Heads] = {
    # n_mels, n_vocab, n_audio_layer, n_text_layer, n_text_state
    (80, 51864, 4, 4, 384): ((1, 0), (2, 0), (2, 5), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4)),
    (80, 51865, 4, 4, 384): ((2, 2), (3, 0), (3, 2), (3, 3), (3, 4), (3, 5)),
    (80, 51864, 6, 6, 512): ((3, 3), (4, 7), (5, 1), (5, 5), (5, 7)),
    (80, 51865, 6, 6, 512): ((3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6)),
    (80, 51864, 12, 12, 768): (
        ((6, 6), (7, 0), (7, 3), (7, 8), (8, 2), (8, 5), (8, 7), (9, 0), (9, 4), (9, 8), (9, 10))
        + ((10, 0), (10, 1), (10, 2), (10, 3), (10, 6), (10, 11), (11, 2), (11, 4))
    ),
    (80, 51865, 12, 12, 768): (
        ((5, 3), (5, 9), (8, 0), (8, 4), (8, 7), (8, 8), (9, 0), (9, 7), (9, 9), (10, 5))
    ),
    (80, 51864, 24, 24, 1024): (
        ((11, 4), (14, 1), (14, 12), (14, 14), (15, 4), (16, 0), (16, 4), (16, 9), (17, 12), (17, 14))
        + ((18, 7), (18, 10), (18, 15), (20, 0), (20, 3), (20, 9), (20, 14), (21, 12))
    ),
    (80, 51865, 24, 24, 1024): ((13, 15), (15, 4), (15, 15), (16, 1), (20, 0), (23, 4)),
    (128, 51866, 32, 32, 1280): (
        ((7, 0), (10, 17), (12, 18), (13, 12), (16, 1), (17, 14), (19, 11), (21, 4), (24, 1), (25, 6))
    ),
    (128, 51866, 32, 4, 1280): ((2, 4), (2, 11), (3, 3), (3, 6), (3, 11), (3, 14)),
}


def _alignment_heads(source: Path, declared: object, d: WhisperDimensions) -> Heads | None:
    """The heads that the model's files declare, else those published for a model of its sizes."""
    if declared is None:
        return ALIGNMENT_HEADS.get((d.n_mels, d.n_vocab, d.n_audio_layer, d.n_text_layer, d.n_text_state))
    try:
        heads = tuple((int(layer), int(head)) for layer, head in declared)
    except (TypeError, ValueError):
        heads = ()
    inside = all(0 <= layer < d.n_text_layer and 0 <= head < d.n_text_head for layer, head in heads)
    if not heads or not inside:
        raise InputError(
            f"alignment_heads {declared} in {source} must list (layer, head) pairs below "
            f"({d.n_text_layer}, {d.n_text_head}): correct generation_config.json, or remove the entry"
        )
    return heads
