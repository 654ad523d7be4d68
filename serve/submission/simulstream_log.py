"""simulstream's log of a run of our own: one JSON object a line, as `simulstream_inference` writes it.

    {"id": 0, "metadata": {"wav_name": "talk_1.wav"}}
    {"id": 0, "total_audio_processed": 0.5, "computation_time": 0.08, "generated_tokens": ["Hello"],
     "deleted_tokens": []}

Times are in seconds; `total_audio_processed` is the audio heard, and grows from line to line. Nothing that
was written is ever deleted. Its first line, the time that loading took, is left out: nobody scores it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.stream.chunk_record import ChunkRecord
from foundation.errors import InputError
from foundation.files.whole_folder import replaced_file
from serve.tokens import tokens

SIMULSTREAM_LOG = "simulstream.jsonl"


def write_simulstream_log(
    path: Path, recordings: Mapping[int, str], decisions: Mapping[int, Sequence[ChunkRecord]]
) -> None:
    """Write the log of recordings, by their index: names of their files, and what was decided about them.

    Raises InputError where the computation of a decision is not known, or a recording has no decisions.
    """
    with replaced_file(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        for index, wav in recordings.items():
            if index not in decisions:
                raise InputError(f"{path}: nothing is known of {wav}: run it again")
            for line in _lines(index, wav, decisions[index]):
                # simulstream's reader takes any JSON; it writes other letters than ASCII as escapes.
                file.write(json.dumps(line) + "\n")


def _lines(index: int, wav: str, chunks: Sequence[ChunkRecord]) -> Iterator[dict[str, Any]]:
    yield {"id": index, "metadata": {"wav_name": wav}}
    has_written = False
    for chunk in chunks:
        if chunk.compute_ms is None:
            raise InputError(
                f"the computation of {wav} is not known, as of the engine batched: use the engine simuleval"
            )
        # Some tokenizers put a space in front of a text's first word: the speech processor takes it off.
        text = chunk.text if has_written else chunk.text.lstrip()
        has_written = has_written or bool(text)
        yield {
            "id": index,
            "total_audio_processed": chunk.arrival_ms / 1000,
            "computation_time": chunk.compute_ms / 1000,
            "generated_tokens": tokens(text),
            "deleted_tokens": [],
        }
