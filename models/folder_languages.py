"""Which languages a model knows, as its folder tells before torch is imported and weights are read.

config.json of REINA lists them, that of an audio-language model does where it has a section `translation`;
tokenizers of Whisper and Canary have a token for each. Folders of policies and adapters name their model. All
others are asked when they have been loaded, and so are files that are not as expected: their loaders say what
is wrong.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from models.language_pairs import (
    CANARY_LANGUAGES,
    ENGLISH_ONLY_VOCABULARY_SIZE,
    CanaryPairs,
    LanguagePairs,
    ListedPairs,
    WhisperPairs,
)
from models.languages import LanguagePair
from models.storage.locate import locate_base, locate_model
from models.storage.model_files import read_json

CONFIG = "config.json"
# Files that name the model that they are for, and by which key: of a policy, and of an adapter.
NAMES_OF_BASES = (("policy.json", "base"), ("adapter_config.json", "base_model_name_or_path"))
MOST_BASES = 3  # a policy's may be an adapter, and that one's a whole model


def check_languages(model: str, languages: LanguagePair) -> None:
    """Raises InputError for a pair of languages that a model, by path or name, is known not to do.

    Also for a model that is not there.
    """
    pairs = folder_languages(locate_model(model))
    if pairs is not None:
        pairs.pair(languages.source, languages.target)


def folder_languages(path: Path) -> LanguagePairs | None:
    """What the model in a folder, or the one that it is for, understands and writes; None: it does not tell.

    Raises InputError where the folder names a model that is not there.
    """
    for _ in range(MOST_BASES):
        config = _json(path / CONFIG)
        if config:
            return _described(path, config)
        base = _base(path)
        if base is None:
            break
        path = base
    return None


def _described(path: Path, config: Mapping[str, Any]) -> LanguagePairs | None:
    kind = config.get("model_type")
    if kind == "whisper":
        return _whisper(path, config)
    if kind == "canary":
        return _canary(path, config)
    section = config if kind == "reina" else config.get("translation")
    if not isinstance(section, dict):
        return None
    written = _codes(section, "target_languages" if "target_languages" in section else "languages")
    understood = _codes(section, "source_languages")
    return None if written is None or understood is None else ListedPairs(written, understood)


def _whisper(path: Path, config: Mapping[str, Any]) -> LanguagePairs | None:
    size = config.get("vocab_size")
    if size == ENGLISH_ONLY_VOCABULARY_SIZE:
        return WhisperPairs.of_vocabulary((), size)
    tokens = _added_tokens(path)
    return WhisperPairs.of_vocabulary(tokens, size) if type(size) is int and tokens else None


def _canary(path: Path, config: Mapping[str, Any]) -> LanguagePairs | None:
    tokens = _added_tokens(path)
    codes = _codes(config, "languages") if "languages" in config else CANARY_LANGUAGES
    known = tuple(code for code in codes or () if f"<|{code}|>" in tokens)
    return CanaryPairs(known) if known else None


def _added_tokens(path: Path) -> set[str]:
    """Those beside a tokenizer's text. The library that reads tokenizers takes a second for a whole one."""
    added = _json(path / "tokenizer.json").get("added_tokens")
    found = [one.get("content") for one in added if isinstance(one, dict)] if isinstance(added, list) else []
    return {one for one in found if isinstance(one, str)}


def _base(path: Path) -> Path | None:
    """The model that a folder of a policy, or an adapter, is for."""
    for file, key in NAMES_OF_BASES:
        name = _json(path / file).get(key)
        if isinstance(name, str) and name and (found := locate_base(path, name)).resolve() != path.resolve():
            return found
    return None


def _codes(section: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    codes = section.get(key)
    is_list = isinstance(codes, list) and codes and all(isinstance(code, str) for code in codes)
    return tuple(codes) if is_list else None


def _json(file: Path) -> dict[str, Any]:
    """What a file holds; nothing where there is none, or it cannot be read: its loader says so."""
    try:
        return read_json(file) if file.is_file() else {}
    except InputError:
        return {}
