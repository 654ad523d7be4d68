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

from agents.policy_scores import PolicyScores
from agents.streaming_agent import ChunkRecord
from models.errors import InputError

CHUNK_LOG = "chunks.jsonl"


def write_chunk_log(path: Path, records: Sequence[Sequence[ChunkRecord]], start_index: int) -> None:
    """records: the decisions of each utterance, of which the first has the index `start_index`."""
    with open(path, "w", encoding="utf-8") as file:
        for index, chunks in enumerate(records, start=start_index):
            line = {"index": index, "chunks": [chunk_fields(chunk) for chunk in chunks]}
            file.write(json.dumps(line) + "\n")


def read_chunk_log(path: Path) -> Mapping[int, list[ChunkRecord]]:
    """The decisions of each utterance, by its index. Raises InputError that names file and line."""
    records = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                fields = json.loads(line)
                records[fields["index"]] = [chunk_record(chunk) for chunk in fields["chunks"]]
            except (ValueError, KeyError, TypeError):
                raise InputError(f"{path} line {number} is no record of chunks: run again") from None
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


def chunk_record(fields: dict[str, Any]) -> ChunkRecord:
    """The record of `chunk_fields`. Raises ValueError, KeyError or TypeError for anything else."""
    scores = fields.get("scores")
    if scores is not None:
        lists = {name: tuple(scores[name]) for name in ("tokens", "values")}
        scores = PolicyScores(**{**scores, **lists})
    return ChunkRecord(**{**fields, "scores": scores})
