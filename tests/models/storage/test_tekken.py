"""Mistral's tekken.json against a plain reading of how tiktoken joins bytes, and damaged files."""

import base64
import json

import pytest
from tokenizers import Regex, pre_tokenizers

from foundation.errors import InputError
from models.storage.tekken import read_tekken
from tests.models.tiny_tekken import TEKKEN_PATTERN, TEKKEN_SPECIALS, write_tekken

TEXTS = (
    "the quick brown fox, 1234 times!",
    "  two  spaces\n\nand lines ",
    "el gato está aquí: 世界 \N{SNOWMAN}",
    "WORDS In Capitals don't_break",
    "",
)


def joined(piece: bytes, ranks: dict[bytes, int]) -> list[int]:
    """The two neighbours of the lowest rank become one, until none do."""
    if piece in ranks:
        return [ranks[piece]]
    parts = [piece[at : at + 1] for at in range(len(piece))]
    while True:
        pairs = [
            (ranks.get(left + right), at)
            for at, (left, right) in enumerate(zip(parts, parts[1:], strict=False))
        ]
        known = [pair for pair in pairs if pair[0] is not None]
        if not known:
            return [ranks[part] for part in parts]
        _, at = min(known)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]


def test_tokens_are_those_of_a_plain_reading(tmp_path):
    write_tekken(tmp_path)
    content = json.loads((tmp_path / "tekken.json").read_text())
    ranks = {base64.b64decode(one["token_bytes"]): one["rank"] for one in content["vocab"]}
    tokenizer = read_tekken(tmp_path / "tekken.json")
    split = pre_tokenizers.Split(Regex(TEKKEN_PATTERN), "isolated")
    for text in TEXTS:
        expected = [
            TEKKEN_SPECIALS + rank
            for piece, _ in split.pre_tokenize_str(text)
            for rank in joined(piece.encode(), ranks)
        ]
        assert tokenizer.encode(text, add_special_tokens=False).ids == expected
        assert tokenizer.decode(expected) == text
    assert tokenizer.token_to_id("[AUDIO]") == 24 and tokenizer.token_to_id("<SPECIAL_39>") == 39


@pytest.mark.parametrize(
    "content, message",
    [({}, r"'config'"), ({"config": {"default_num_special_tokens": 2}}, "default_vocab_size")],
)
def test_what_is_none_is_refused(content, message, tmp_path):
    (tmp_path / "tekken.json").write_text(json.dumps(content))
    with pytest.raises(
        InputError, match=f"tekken.json is no readable tokenizer .*{message}.*: download it again"
    ):
        read_tekken(tmp_path / "tekken.json")
