"""chunks.jsonl: what an agent decided about each chunk of audio, and how long that took.

One JSON object a line, in the order of instances.log:
{"index": 0, "chunks": [{"arrival_ms": 500.0, "compute_ms": 83.1, "text": "Hello"}, ...]}

A chunk for which the policy compared a score with a limit also says

    "scores": {"limit": 0.0, "tokens": ["Hel", "lo", "th"], "values": [-2.1, -3.4, -0.2, 0.9], "written": 2}

with the score before each token of the hypothesis, and last the one at which it stopped. Only the first
`written` tokens were written; null stands where the policy was not asked.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.stream.chunk_record import ChunkRecord
from agents.stream.policy_scores import PolicyScores
from evaluation.logs.json_lines import is_count, is_number, is_time, read_json_lines, shortened
from foundation.errors import InputError

CHUNK_LOG = "chunks.jsonl"
MEND = "run again, or remove the file (all but _TC and policy scores does without)"

CHUNK_FIELDS = tuple(field.name for field in dataclasses.fields(ChunkRecord))
SCORE_FIELDS = tuple(field.name for field in dataclasses.fields(PolicyScores))


def write_chunk_log(path: Path, records: Sequence[Sequence[ChunkRecord]], start_index: int) -> None:
    """records: the decisions of each utterance, of which the first has the index `start_index`."""
    with open(path, "w", encoding="utf-8") as file:
        for index, chunks in enumerate(records, start=start_index):
            line = {"index": index, "chunks": [chunk_fields(chunk) for chunk in chunks]}
            file.write(json.dumps(line) + "\n")


def read_chunk_log(path: Path) -> Mapping[int, list[ChunkRecord]]:
    """The decisions of each utterance, by its index. Raises InputError that names file and line."""
    records: dict[int, list[ChunkRecord]] = {}
    for place, fields in read_json_lines(path, MEND):
        index, chunks = fields.get("index"), fields.get("chunks")
        if not is_count(index) or not isinstance(chunks, list):
            raise InputError(f"{place} is no record of chunks, which has an index and chunks: {MEND}")
        if index in records:
            raise InputError(f"{place}: index {index} has occurred before: keep one line for each")
        try:
            records[index] = [chunk_record(chunk) for chunk in chunks]
        except ValueError as error:
            raise InputError(f"{place} is no record of chunks ({error}): {MEND}") from None
    return records


def chunk_fields(chunk: ChunkRecord) -> dict[str, Any]:
    """A record as JSON holds it."""
    fields = dataclasses.asdict(chunk)
    if chunk.scores is None:
        del fields["scores"]
    else:
        # Four decimals tell any two scores apart that a reader would.
        values = [value if value is None else round(value, 4) for value in chunk.scores.values]
        fields["scores"]["values"] = values
    return fields


def chunk_record(fields: Any) -> ChunkRecord:
    """The record of `chunk_fields`. Raises ValueError, which says what is wrong, for anything else."""
    if not isinstance(fields, dict):
        raise ValueError(f"a chunk must not be {shortened(fields)}")
    names = set(CHUNK_FIELDS)
    if not names - {"scores"} <= fields.keys() <= names:
        raise ValueError(f"a chunk has the keys {', '.join(fields)}")
    if not is_time(fields["arrival_ms"]):
        raise ValueError(f"arrival_ms must not be {shortened(fields['arrival_ms'])}")
    if fields["compute_ms"] is not None and not is_time(fields["compute_ms"]):
        raise ValueError(f"compute_ms must not be {shortened(fields['compute_ms'])}")
    if not isinstance(fields["text"], str):
        raise ValueError(f"text must not be {shortened(fields['text'])}")
    scores = fields.get("scores")
    return ChunkRecord(**{**fields, "scores": None if scores is None else _policy_scores(scores)})


def _policy_scores(fields: Any) -> PolicyScores:
    """Raises ValueError like `chunk_record`."""
    if not isinstance(fields, dict) or set(fields) != set(SCORE_FIELDS):
        raise ValueError(f"scores must have the keys {', '.join(SCORE_FIELDS)}")
    tokens, values = fields["tokens"], fields["values"]
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise ValueError("tokens of scores must be a list of texts")
    if not isinstance(values, list) or not all(value is None or is_number(value) for value in values):
        raise ValueError("values of scores must be a list of finite numbers or null")
    if not is_number(fields["limit"]) or not is_count(fields["written"]):
        raise ValueError("limit and written of scores must be a finite number, and a count")
    return PolicyScores(fields["limit"], tuple(tokens), tuple(values), fields["written"])
