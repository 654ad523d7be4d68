"""One utterance after the other, as all runs of a sweep went through it: what the report unpacks on demand.

The runs of one utterance are nearly the same text, so they are compressed together: that keeps the page
of 1000 utterances x 40 runs at a few megabytes.
"""

import base64
import gzip
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import soundfile

from agents.stream.policy_scores import PolicyScores
from agents.streaming_agent import ChunkRecord
from evaluation.logs.run_log import RunLog, Utterance

# Loudness is shown as one bar for so much audio, or for more where the audio is long.
BAR_MS = 60
MAXIMUM_BARS = 1500
# What is so far below the loudest bar is shown as silence.
SILENCE_DB = 40

Records = Mapping[int, Sequence[ChunkRecord]]


def pack(content: Any) -> str:
    """base64 of gzipped JSON. The same content gives the same text at any time."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")


def read_records(log: RunLog) -> Records:
    """The decisions of a run, by index of the utterance; without its chunks.jsonl, only those that wrote."""
    if log.decisions is not None:
        return log.decisions
    return {one.index: _from_delays(one, log.unit) for one in log.utterances}


def packed_utterance(utterance: Utterance, decisions: Sequence[Sequence[ChunkRecord]]) -> str:
    """decisions: of each run about this utterance. `runs.js` and `tracks.js` say how it is unpacked."""
    # Runs with chunks of the same length share their times of arrival.
    grids: dict[tuple[float, ...], int] = {}
    runs = []
    for chunks in decisions:
        grid = tuple(round(chunk.arrival_ms, 1) for chunk in chunks)
        run: dict[str, Any] = {
            "grid": grids.setdefault(grid, len(grids)),
            "written": [[at, chunk.text] for at, chunk in enumerate(chunks) if chunk.text],
        }
        compute = [chunk.compute_ms for chunk in chunks]
        if compute and None not in compute:
            run["compute"] = [round(ms) for ms in compute]
        scores = [_scores(at, chunk.scores) for at, chunk in enumerate(chunks) if chunk.scores]
        if scores:
            run["scores"] = scores
        runs.append(run)
    return pack(
        {
            "source": utterance.source,
            "loudness": loudness(utterance.source, utterance.source_ms),
            "grids": list(grids),
            "runs": runs,
        }
    )


def _scores(at: int, scores: PolicyScores) -> list[Any]:
    values = [value if value is None else round(value, 3) for value in scores.values]
    return [at, scores.written, scores.limit, scores.tokens, values]


def loudness(source: str, source_ms: float) -> str:
    """A digit from 0 (silent) to 9 for each bar; empty where the audio is not there (any more)."""
    bar_ms = max(BAR_MS, source_ms / MAXIMUM_BARS)
    try:
        with soundfile.SoundFile(source) as file:
            size = max(1, round(file.samplerate * bar_ms / 1000))
            powers = [float((block**2).mean()) for block in file.blocks(size, dtype="float32")]
    except (OSError, soundfile.SoundFileError, ValueError):
        return ""
    loudest = max(powers, default=0.0)
    if not loudest > 0:
        return "0" * len(powers)
    return "".join(str(_digit(power / loudest)) for power in powers)


def _digit(share: float) -> int:
    below_db = -10 * math.log10(share) if share > 0 else SILENCE_DB
    return max(0, round(9 * (1 - below_db / SILENCE_DB)))


def _from_delays(utterance: Utterance, unit: str) -> list[ChunkRecord]:
    texts: dict[float, list[str]] = {}
    for delay, word in zip(utterance.delays, utterance.units(unit), strict=True):
        texts.setdefault(delay, []).append(word)
    joint = " " if unit == "word" else ""
    return [ChunkRecord(delay, None, joint + joint.join(words)) for delay, words in sorted(texts.items())]
