"""Reads the byte-level BPE tokenizer of a model folder, from whichever of two forms lies there.

tokenizer.json                what the tokenizers library writes
vocab.json with merges.txt    what transformers' older classes write, and so what a Whisper that was
                              fine-tuned by the usual tutorials has. Special tokens and timestamps are in
                              added_tokens.json or in added_tokens_decoder of tokenizer_config.json
"""

import re
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE

from foundation.errors import InputError
from models.storage.model_files import read_json, refuse_lfs_pointer

TOKENIZER, VOCABULARY, MERGES = "tokenizer.json", "vocab.json", "merges.txt"
MARK = r"<\|.*\|>"  # how tokens that are no text are written
TIMESTAMP = r"<\|\d+\.\d+\|>"


def tokenizer_file(folder: Path) -> Path | None:
    """The file to give to `read_tokenizer`: tokenizer.json, else vocab.json with merges.txt beside it."""
    if (folder / TOKENIZER).is_file():
        return folder / TOKENIZER
    if (folder / VOCABULARY).is_file() and (folder / MERGES).is_file():
        return folder / VOCABULARY
    return None


def read_tokenizer(file: Path, pattern: str | None = None) -> Tokenizer:
    """file: tokenizer.json, or a vocab.json. Raises InputError if it, or a file beside it, is damaged.

    pattern: what splits text into pieces where it comes with a vocab.json, which does not tell: a regular
    expression, for text in Unicode's form NFC; None is GPT-2's.
    """
    if file.name == VOCABULARY:
        tokenizer = _from_vocabulary(file)
        if pattern is not None:
            split = pre_tokenizers.Split(Regex(pattern), "isolated")
            to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
            tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, to_bytes])
            tokenizer.normalizer = normalizers.NFC()
        return tokenizer
    refuse_lfs_pointer(file)
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        reason = _reason(error)
        raise InputError(f"{file} is not a readable tokenizer ({reason}): download it again") from None


def _from_vocabulary(file: Path) -> Tokenizer:
    merges, added = file.with_name(MERGES), _added_tokens(file.parent)
    ids = _checked_ids(file, read_json(file))
    clash = [token for token, id in added.items() if ids.get(token, id) != id]
    ids |= added
    if clash or len(set(ids.values())) < len(ids):
        raise InputError(
            f"{file} and the added tokens beside it give one id to several tokens or several to one: copy "
            "all files of the tokenizer from one model"
        )
    refuse_lfs_pointer(merges)
    try:
        # The library reads the merges; of the vocabulary it has no need for what is no text.
        _, pairs = BPE.read_file(str(file), str(merges))
        tokenizer = Tokenizer(BPE(ids, pairs))
    except Exception as error:  # as above
        raise InputError(
            f"{file} and {MERGES} are no readable tokenizer ({_reason(error)}): download them again"
        ) from None
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    marks = [token for token in ids if token in added or re.fullmatch(MARK, token)]
    for token in sorted(marks, key=ids.__getitem__):
        is_special = re.fullmatch(MARK, token) and not re.fullmatch(TIMESTAMP, token)
        add = tokenizer.add_special_tokens if is_special else tokenizer.add_tokens
        add([AddedToken(token, normalized=False, special=bool(is_special))])
    return tokenizer


def _added_tokens(folder: Path) -> dict[str, int]:
    """Tokens beside the text's own with their ids, from the two files that may hold them."""
    tokens: dict[str, int] = {}
    config = folder / "tokenizer_config.json"
    if config.is_file():
        declared = read_json(config).get("added_tokens_decoder") or {}
        try:
            tokens = {entry["content"]: int(id) for id, entry in declared.items()}
        except (AttributeError, KeyError, TypeError, ValueError):
            raise InputError(f"{config} has a damaged added_tokens_decoder: download it again") from None
        _checked_ids(config, tokens)
    added = folder / "added_tokens.json"
    if added.is_file():
        tokens |= _checked_ids(added, read_json(added))
    return tokens


def _checked_ids(file: Path, ids: dict[str, Any]) -> dict[str, int]:
    """Raises InputError unless every token is a text with an id of its own."""
    wrong = [token for token, id in ids.items() if not (isinstance(token, str) and _is_id(id))]
    if wrong:
        raise InputError(f"{file} gives {wrong[0]!r:.40} no id: download it again")
    return ids


def _is_id(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**31


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
