"""Mistral's tekken.json as a tokenizer of the tokenizers library.

The file lists the bytes of each token by rank, as tiktoken's do, and leaves out which pairs make a token: of
two neighbours that together are a token, those with the lowest rank are joined first. Special tokens have the
first ids, and a token of rank r has the id r plus their number.
"""

import base64
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

from foundation.errors import InputError
from models.storage.byte_level import written
from models.storage.model_files import read_json

TEKKEN = "tekken.json"


def read_tekken(file: Path) -> Tokenizer:
    """Raises InputError for a file that cannot be used."""
    content = read_json(file)
    try:
        return _tokenizer(content)
    except Exception as error:  # whatever the parts of a damaged file are not
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"{file} is no readable tokenizer ({reason}): download it again") from None


def _tokenizer(content: dict[str, Any]) -> Tokenizer:
    config = content["config"]
    specials = int(config["default_num_special_tokens"])
    texts = int(config["default_vocab_size"]) - specials  # the file may hold more than the model has
    ranks: dict[bytes, int] = {}
    for entry in content["vocab"][:texts]:
        ranks[base64.b64decode(entry["token_bytes"])] = int(entry["rank"])
    names = {int(entry["rank"]): entry["token_str"] for entry in content["special_tokens"]}
    ids = {written(text): specials + rank for text, rank in ranks.items()}
    marks = [names.get(id, f"<SPECIAL_{id}>") for id in range(specials)]
    merges = [(written(left), written(right)) for left, right in _merges(ranks)]
    # A piece that is a token itself is not put together of others.
    tokenizer = Tokenizer(
        BPE({**dict(zip(marks, range(specials), strict=True)), **ids}, merges, ignore_merges=True)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(config["pattern"]), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(mark, normalized=False, special=True) for mark in marks])
    return tokenizer


def _merges(ranks: dict[bytes, int]) -> list[tuple[bytes, bytes]]:
    """All pairs of tokens that make a token, in the order in which they are joined."""
    merges = []
    for text in sorted(ranks, key=ranks.__getitem__):
        pairs = [(text[:at], text[at:]) for at in range(1, len(text))]
        known = [pair for pair in pairs if pair[0] in ranks and pair[1] in ranks]
        merges += sorted(known, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
    return merges
