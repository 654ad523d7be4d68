"""chunks.jsonl: what an agent decided about each chunk of audio, and how long that took.

One JSON object a line, in the order of instances.log:
{"index": 0, "chunks": [{"arrival_ms": 500.0, "compute_ms": 83.1, "text": "Hello"}, ...]}
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from agents.streaming_agent import ChunkRecord
from models.errors import InputError

CHUNK_LOG = "chunks.jsonl"


def write_chunk_log(path: Path, records: Sequence[Sequence[ChunkRecord]], start_index: int) -> None:
    """records: the decisions of each utterance, of which the first has the index `start_index`."""
    with open(path, "w", encoding="utf-8") as file:
        for index, chunks in enumerate(records, start=start_index):
            line = {"index": index, "chunks": [dataclasses.asdict(chunk) for chunk in chunks]}
            file.write(json.dumps(line) + "\n")


def read_chunk_log(path: Path) -> Mapping[int, list[ChunkRecord]]:
    """The decisions of each utterance, by its index. Raises InputError that names file and line."""
    records = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                fields = json.loads(line)
                records[fields["index"]] = [ChunkRecord(**chunk) for chunk in fields["chunks"]]
            except (ValueError, KeyError, TypeError):
                raise InputError(f"{path} line {number} is no record of chunks: run again") from None
    return records
