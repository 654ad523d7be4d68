"""A REINA model on disk: a folder that agents load by path or name.

    config.json         {"model_type": "reina", "dimensions": {...}, "languages": ["de", ...],
                         "source_languages": ["en"], "target_languages": ["de"]}; the last, where the
                        model has not learned to write all languages that it has tags for
    model.safetensors   weights under the names of `models.reina.network`, in float16 or in 8 bits
                        (`models.reina.eight_bit`)
    tokenizer.model     SentencePiece
    policy.json, policy.safetensors    if it has a policy (`models.policy.folder`)

Every file is checked against the sizes that the configuration declares before a model is built.
"""

import json
import shutil
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from foundation.errors import InputError
from foundation.files.whole_folder import whole_folder
from models.layers.empty_network import without_values
from models.reina.eight_bit import from_eight_bit, to_eight_bit
from models.reina.network import Reina, ReinaDimensions
from models.reina.sentencepiece_tokenizer import SentencePieceTokenizer
from models.storage.declared_sizes import is_size
from models.storage.model_files import read_json
from models.storage.stored_weights import check_weights, read_safetensors, write_safetensors
from models.whisper.checkpoint import load_whisper_checkpoint
from models.whisper.network import SpeechModel

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.model"
TARGETS = "target_languages"
# Both stay in float32: they are small, and rounding them shifts phases.
FULL_PRECISION = ("positions.frequency", "positions.phase")


def save_reina(
    folder: Path,
    model: Reina,
    tokenizer: SentencePieceTokenizer,
    dtype: torch.dtype = torch.float16,
    with_text_encoder: bool = False,
    eight_bit: bool = False,
) -> None:
    """Write a new model folder, complete or not at all; weights in `dtype`, or matrices in 8 bits.

    The text encoder, which only training needs, is left out unless asked for. Raises InputError when
    the folder exists, or the tokenizer is that of another model.
    """
    dimensions = model.dimensions
    if tokenizer.vocabulary_size != dimensions.n_vocab:
        raise InputError(
            f"the tokenizer has {tokenizer.vocabulary_size} tokens, the model {dimensions.n_vocab}: "
            "save it with the one that it was trained with"
        )
    weights = model.state_dict()
    if not with_text_encoder:
        dimensions = replace(dimensions, n_source_layer=0)
        weights = {name: value for name, value in weights.items() if not name.startswith("text_encoder.")}
    with whole_folder(folder) as partial:
        describe_reina(partial, dimensions, tokenizer)
        stored = {name: _stored(name, value, dtype) for name, value in weights.items()}
        write_safetensors(partial / WEIGHTS, to_eight_bit(stored) if eight_bit else stored)


def describe_reina(folder: Path, dimensions: ReinaDimensions, tokenizer: SentencePieceTokenizer) -> None:
    """Write all of a model folder but its weights."""
    config = {
        "model_type": "reina",
        "dimensions": asdict(dimensions),
        "languages": list(tokenizer.languages),
        "source_languages": list(tokenizer.source_languages),
    }
    if tokenizer.target_languages != tokenizer.languages:
        config[TARGETS] = list(tokenizer.target_languages)
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    shutil.copy(tokenizer.file, folder / TOKENIZER)


def read_reina_description(folder: Path) -> tuple[ReinaDimensions, SentencePieceTokenizer]:
    """Sizes and tokenizer of a model folder. Raises InputError if they are not all there."""
    config = read_json(folder / CONFIG)
    if config.get("model_type") != "reina":
        raise InputError(
            f"{folder / CONFIG} describes a {config.get('model_type')!r} model: give one whose model_type "
            "is 'reina'"
        )
    dimensions = _dimensions(folder / CONFIG, config.get("dimensions"))
    languages = [_languages(folder / CONFIG, config, key) for key in ("languages", "source_languages")]
    targets = _languages(folder / CONFIG, config, TARGETS) if TARGETS in config else None
    return dimensions, SentencePieceTokenizer(folder / TOKENIZER, *languages, dimensions.n_vocab, targets)


def load_reina(folder: Path) -> tuple[Reina, SentencePieceTokenizer]:
    """The model, its weights as they are stored (those of 8 bits in float32), and its tokenizer.

    Raises InputError, with what is wrong and how to mend it, if there is no complete REINA there.
    """
    absent = [name for name in (CONFIG, WEIGHTS, TOKENIZER) if not (folder / name).is_file()]
    if absent:
        raise InputError(f"{folder} lacks {', '.join(absent)}: copy the whole folder of the model again")
    dimensions, tokenizer = read_reina_description(folder)
    with without_values():
        model = Reina(dimensions)
    weights = from_eight_bit(read_safetensors(folder / WEIGHTS))
    check_weights(folder / WEIGHTS, model.state_dict(), weights)
    model.load_state_dict(weights, assign=True)
    return model, tokenizer


def load_whisper_encoder(model: SpeechModel, path: Path) -> None:
    """Copy the audio encoder of the Whisper at `path` into `model`, as training starts from it.

    Raises InputError when there is no Whisper, or its encoder has another size.
    """
    checkpoint = load_whisper_checkpoint(path)
    prefix = "encoder."
    encoder = {
        name.removeprefix(prefix): tensor
        for name, tensor in checkpoint.weights.items()
        if name.startswith(prefix)
    }
    check_weights(path, model.encoder.state_dict(), encoder)
    model.encoder.load_state_dict(encoder)


def _stored(name: str, value: Tensor, dtype: torch.dtype) -> Tensor:
    return value.detach().to("cpu", torch.float32 if name in FULL_PRECISION else dtype).contiguous()


def _dimensions(file: Path, declared: Any) -> ReinaDimensions:
    kinds = {field.name: field.type for field in fields(ReinaDimensions)}
    if not isinstance(declared, dict) or declared.keys() != kinds.keys():
        raise InputError(f"{file} must give dimensions with {', '.join(kinds)}: copy it again")
    wrong = [
        name
        for name, kind in kinds.items()
        if type(declared[name]) is not kind
        or (kind is int and not is_size(name, declared[name], least=0 if name == "n_source_layer" else 1))
    ]
    d = declared
    if wrong or not 0 <= d["dropout"] < 1:
        fault = ", ".join(wrong) or "dropout"
        raise InputError(f"{file} gives no usable {fault} in its dimensions: copy it again")
    for width, heads in ((d["n_audio_state"], d["n_audio_head"]), (d["n_text_state"], d["n_text_head"])):
        if width % heads or width % 2:
            raise InputError(f"{file}: width {width} does not split into {heads} heads: mend its sizes")
    return ReinaDimensions(**d)


def _languages(file: Path, config: dict[str, Any], key: str) -> list[str]:
    languages = config.get(key)
    if not isinstance(languages, list) or not all(isinstance(code, str) for code in languages):
        raise InputError(f"{file} must give {key} as a list of codes, found {languages!r}: copy it again")
    return languages
