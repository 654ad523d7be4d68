"""simulstream's log of a run of our own, as `simulstream_inference` writes it. Nothing that was written is
ever deleted. Its first line, the time that loading took, is left out: nobody scores it.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from agents.stream.chunk_record import ChunkRecord
from foundation.errors import InputError
from foundation.files.whole_folder import replaced_file
from serve.simulstream_lines import decision_line, metadata_line

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
            file.writelines(_lines(index, wav, decisions[index]))


def _lines(index: int, wav: str, chunks: Sequence[ChunkRecord]) -> Iterator[str]:
    yield metadata_line(index, {"wav_name": wav})
    has_written = False
    for chunk in chunks:
        if chunk.compute_ms is None:
            raise InputError(
                f"the computation of {wav} is not known, as of the engine batched: use the engine simuleval"
            )
        # Some tokenizers put a space in front of a text's first word: the speech processor takes it off.
        text = chunk.text if has_written else chunk.text.lstrip()
        has_written = has_written or bool(text)
        yield decision_line(index, chunk.arrival_ms / 1000, chunk.compute_ms / 1000, text)
