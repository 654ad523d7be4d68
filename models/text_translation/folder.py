"""Reads the folder of a text translator, as Hugging Face keeps it.

config.json                           sizes (`models.text_translation.configuration`)
model.safetensors                     or shards with their index, or pytorch_model.bin
tokenizer.json                        or SentencePiece files: source.spm with vocab.json (Opus-MT),
                                      sentencepiece.bpe.model with vocab.json (M2M-100), spiece.model (T5)
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from foundation.errors import InputError
from models.languages import canonical_language
from models.layers.empty_network import without_values
from models.storage.model_files import read_json, refuse_lfs_pointer
from models.storage.stored_weights import check_weights, read_folder_weights
from models.storage.tokenizer_files import TOKENIZER
from models.text_translation.configuration import M2M, MARIAN, T5_TYPES, text_dimensions
from models.text_translation.language_marks import LanguageTokens, MarianTokenizer, TaskTokenizer
from models.text_translation.names import FAIRSEQ, OUTPUT, T5, own_names, scale_queries
from models.text_translation.network import TextModel
from models.text_translation.tokenizer import TextTokenizer
from models.text_translation.tokens import JsonPieces, SentencePieces

OLD_WEIGHTS = "pytorch_model.bin"
TASK_NAME = re.compile(r"translation_(\w+)_to_(\w+)")
# Of M2M-100, in the order of their tokens behind the pieces.
M2M_LANGUAGES = (
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha he hi hr "
    "ht hu hy id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or "
    "pa pl ps pt ro ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo xh yi yo zh zu"
).split()


@dataclass(frozen=True)
class TextCheckpoint:
    """A text translator's network and tokenizer."""

    model: TextModel
    tokenizer: TextTokenizer


def load_text_checkpoint(folder: Path, task: str | None = None) -> TextCheckpoint:
    """The model in a folder. task: what T5 is asked, see `TaskTokenizer`.

    Raises InputError, with what is wrong and how to mend it, if there is no complete model.
    """
    config = read_json(folder / "config.json")
    kind, dimensions = config.get("model_type"), text_dimensions(folder, config)
    if task is not None and kind not in T5_TYPES:
        raise InputError(
            "prompt is an option of models that are asked in words, not of this one: leave it out"
        )
    tokenizer = _tokenizer(folder, config, dimensions.n_vocab, task)
    rules = T5 if kind in T5_TYPES else FAIRSEQ
    weights = own_names(_stored_weights(folder), rules, dimensions.shared_output)
    if OUTPUT in weights:  # whatever the configuration says
        dimensions = replace(dimensions, shared_output=False)
    with without_values():
        model = TextModel(dimensions)
    if kind in T5_TYPES:
        scale_queries(weights, dimensions)
    check_weights(folder, model.state_dict(), weights)
    model.load_state_dict(weights, assign=True)
    model.compute_positions()
    return TextCheckpoint(model.eval(), tokenizer)


def _stored_weights(folder: Path) -> dict[str, Tensor]:
    old = folder / OLD_WEIGHTS
    if list(folder.glob("model*.safetensors*")) or not old.is_file():
        return read_folder_weights(folder)
    refuse_lfs_pointer(old)
    try:
        return torch.load(old, map_location="cpu", weights_only=True)
    except Exception as error:  # what damaged files raise is of many types
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"{old} is damaged ({reason}): download it again") from None


def _tokenizer(
    folder: Path, config: Mapping[str, Any], vocabulary_size: int, task: str | None
) -> TextTokenizer:
    start = config.get("decoder_start_token_id")
    if type(start) is not int or not 0 <= start < vocabulary_size:
        raise InputError(f"{folder / 'config.json'} gives no usable decoder_start_token_id ({start!r:.40})")
    kind = config["model_type"]
    pieces, written = _pieces(folder, kind)
    if kind == MARIAN:
        return MarianTokenizer(pieces, written, vocabulary_size, start, _declared_pair(folder))
    if kind == M2M:
        return LanguageTokens(pieces, written, vocabulary_size, start)
    return TaskTokenizer(pieces, written, vocabulary_size, start, _task_pairs(config), task)


def _pieces(folder: Path, kind: str) -> tuple[JsonPieces | SentencePieces, Mapping[str, int]]:
    """What cuts a source, and the ids of what is written."""
    if (folder / TOKENIZER).is_file():
        pieces = JsonPieces(folder / TOKENIZER)
        return pieces, pieces.ids
    names = {MARIAN: ("source.spm", "vocab.json"), M2M: ("sentencepiece.bpe.model", "vocab.json")}
    needed = names.get(kind, ("spiece.model",))
    absent = [name for name in needed if not (folder / name).is_file()]
    if absent:
        raise InputError(
            f"{folder} has neither {TOKENIZER} nor {' and '.join(absent)}: copy the whole folder of the model"
        )
    file = folder / needed[0]
    if len(needed) == 1:
        pieces = SentencePieces(file)
        return pieces, pieces.ids
    ids = read_json(folder / needed[1])
    if not all(type(id) is int and id >= 0 for id in ids.values()):
        raise InputError(f"{folder / needed[1]} must give each piece an id: download it again")
    if kind == M2M and not any(token.startswith("__") for token in ids):
        ids |= {f"__{code}__": len(ids) + place for place, code in enumerate(M2M_LANGUAGES)}
    return SentencePieces(file, ids), ids


def _declared_pair(folder: Path) -> tuple[str | None, str | None]:
    """Codes of source and target that a Marian's tokenizer_config.json names."""
    file = folder / "tokenizer_config.json"
    named = read_json(file) if file.is_file() else {}
    source, target = named.get("source_lang"), named.get("target_lang")
    return tuple(one if isinstance(one, str) and one else None for one in (source, target))


def _task_pairs(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs of languages of which T5's configuration says that they were learned."""
    tasks = config.get("task_specific_params")
    matches = [TASK_NAME.fullmatch(name) for name in tasks] if isinstance(tasks, dict) else []
    return [(canonical_language(found[1]), canonical_language(found[2])) for found in matches if found]
