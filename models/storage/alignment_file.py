"""A file of alignment heads: attention heads of a decoder that follow the speech, best first.

    {"alignment_heads": [[3, 1], [4, 2]], "scores": [0.93, 0.9], ...}

Pairs are layer and head, counted from 0 as `alignment_heads` of Hugging Face's generation_config.json; what
else the file tells is for people. `simulst heads` writes it. In a model's folder it is found by its name.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from foundation.files.whole_folder import replaced_file
from models.storage.model_files import read_json

ALIGNMENT_HEADS = "alignment_heads.json"


def read_alignment_heads(path: Path, layers: int, heads: int) -> tuple[tuple[int, int], ...]:
    """(layer, head) pairs, from 0. Raises InputError for none, or any that are not there."""
    named = read_json(path).get("alignment_heads")
    pairs = named if isinstance(named, list) else []
    if not pairs or not all(isinstance(pair, list) and list(map(type, pair)) == [int, int] for pair in pairs):
        raise InputError(
            f"{path} must give alignment_heads as a list of [layer, head], found {str(named):.60}: write it "
            "anew with `simulst heads`"
        )
    lacking = [pair for pair in pairs if not (0 <= pair[0] < layers and 0 <= pair[1] < heads)]
    if lacking:
        raise InputError(
            f"{path} names the head {lacking[0]}, but the decoder has layers 0 to {layers - 1} of heads 0 to "
            f"{heads - 1}: give the file of the same model, or write it anew with `simulst heads`"
        )
    return tuple(dict.fromkeys((layer, head) for layer, head in pairs))


def write_alignment_heads(path: Path, found: Mapping[str, Any]) -> None:
    """found: `alignment_heads`, and what else is to be told. The file is there whole, or not at all."""
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in found.items())
    with replaced_file(path) as partial:
        partial.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
