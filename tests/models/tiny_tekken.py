"""Writes a small tekken.json, Mistral's tokenizer file."""

import base64
import json
from pathlib import Path

from models.storage.byte_level import token_bytes
from models.storage.tokenizer_files import read_tokenizer
from tests.models.tiny_qwen2_audio import write_tiny_tokenizer

TEKKEN_SPECIALS = 40
# As in Mistral's file.
TEKKEN_PATTERN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN_NAMES = {
    **{0: "<unk>", 1: "<s>", 2: "</s>", 3: "[INST]", 4: "[/INST]"},
    **{24: "[AUDIO]", 25: "[BEGIN_AUDIO]", 34: "[TRANSCRIBE]"},
}


def write_tekken(folder: Path, leave_out: str | None = None) -> dict[str, int]:
    """Write tekken.json of a small vocabulary; return the ids of its special tokens by name."""
    write_tiny_tokenizer(folder)
    trained = read_tokenizer(folder / "tokenizer.json")
    added = trained.get_added_tokens_decoder()
    texts = [
        text for id, text in enumerate(token_bytes(trained, trained.get_vocab_size())) if id not in added
    ]
    for file in folder.iterdir():
        file.unlink()
    names = {id: name for id, name in TEKKEN_NAMES.items() if name != leave_out}
    content = {
        "config": {
            "pattern": TEKKEN_PATTERN,
            "default_vocab_size": TEKKEN_SPECIALS + len(texts),
            "default_num_special_tokens": TEKKEN_SPECIALS,
        },
        "vocab": [
            {"rank": rank, "token_bytes": base64.b64encode(text).decode()} for rank, text in enumerate(texts)
        ],
        "special_tokens": [{"rank": id, "token_str": name} for id, name in names.items()],
    }
    (folder / "tekken.json").write_text(json.dumps(content))
    return {name: id for id, name in TEKKEN_NAMES.items()}
