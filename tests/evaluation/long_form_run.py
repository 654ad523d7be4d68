"""A made-up run over two recordings with segments, as `simulst evaluate` leaves it before it is scored."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import yaml

from agents.stream.chunk_record import ChunkRecord
from evaluation.configuration.evaluation_file import Configuration, configure
from evaluation.logs.chunk_log import CHUNK_LOG, write_chunk_log
from tests.evaluation.run_logs import WORDS, line, write_log

ENGLISH = [
    "Hello, this is a talk about red houses.",
    "In the night a dog walks in; she sits on the street!",
    "",
    "It runs, and they sit.",
    "Good day (again): the cat sits.",
    "A green day, he said, is a blue night - or is it?",
]
CHINESE = [
    "今天天气很好。",
    "我们去公园散步，好吗？",
    "",
    "他说：不行！",
    "那么明天 再去吧。",
    "好的，明天见。",
]
# (recording, offset, duration) in s; the second overlaps the first.
SEGMENTS = [
    ("a.wav", 0.52, 3.071), ("a.wav", 3.4, 4.003), ("a.wav", 8.0, 1.0), ("a.wav", 9.15, 2.5),
    ("b.wav", 0.0, 3.3), ("b.wav", 5.017, 4.4),
]  # fmt: skip
RECORDINGS_MS = {"a.wav": 13_000.0, "b.wav": 9_900.0}


def write_segments(folder: Path, references: Sequence[str] = ENGLISH) -> dict[str, object]:
    """Write segments.yaml and references.txt; return keys of an evaluation file that name them."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = [
        {"wav": wav, "offset": offset, "duration": duration, "speaker_id": "x"}
        for wav, offset, duration in SEGMENTS
    ]
    (folder / "segments.yaml").write_text(yaml.safe_dump(entries), encoding="utf-8")
    (folder / "references.txt").write_text("\n".join(references) + "\n", encoding="utf-8")
    return {"segments": str(folder / "segments.yaml"), "target": str(folder / "references.txt")}


def write_long_form_run(
    folder: Path, seed: int = 0, references: Sequence[str] = ENGLISH, lag_ms: float = 900.0, **keys: object
) -> Configuration:
    """Write a run into `folder`: the references with mistakes, some 250 ms a word, and computation.

    keys: of its evaluation.yaml, as target_language. Returns its configuration.
    """
    lists = write_segments(folder.parent / "lists", references)
    values = {"agent": "waitk", "output": str(folder), **lists, **keys}
    configuration = configure(values, "a test")
    options = configuration.evaluation
    unit, chaos = options.eval_latency_unit, random.Random(seed)
    lines, records = [], []
    for index, (wav, source_ms) in enumerate(RECORDINGS_MS.items()):
        own = [text for (name, *_), text in zip(SEGMENTS, references, strict=True) if name == wav and text]
        joint = " ".join(own) if unit == "word" else "".join(own).replace(" ", "")
        units = _mistaken(joint.split() if unit == "word" else list(joint), chaos)
        chunks, delays, elapsed, computed = [], [], [], 0.0
        for start in range(0, len(units), 3):
            some, arrival = units[start : start + 3], min(source_ms, lag_ms + 250.0 * start)
            compute = chaos.uniform(20, 600)
            computed += compute
            chunks.append(ChunkRecord(arrival, compute, (" " if unit == "word" else "").join(["", *some])))
            delays += [arrival] * len(some)
            elapsed += [arrival + computed] * len(some)
        records.append(chunks)
        fields = {
            "prediction": (" " if unit == "word" else "").join(units),
            "delays": delays,
            "elapsed": elapsed,
            "prediction_length": len(units),
            "reference": joint,
            "source": [f"/somewhere/else/{wav}", "samplerate: 16000 Hz"],
            "source_length": source_ms,
        }
        lines.append(line(index, **fields))
    write_log(folder, lines)
    write_chunk_log(folder / CHUNK_LOG, records, start_index=0)
    (folder / "evaluation.yaml").write_text(configuration.to_yaml(), encoding="utf-8")
    return configuration


def read_lines_of(file: Path) -> list[dict]:
    return [json.loads(text) for text in file.read_text(encoding="utf-8").splitlines()]


def _mistaken(units: Sequence[str], chaos: random.Random) -> list[str]:
    found = []
    for unit in units:
        kind = chaos.random()
        if kind < 0.1:
            continue
        found.append(unit if kind < 0.75 else chaos.choice(WORDS) if len(unit) > 1 else chaos.choice(units))
        if kind > 0.92:
            found.append(unit)
    return found
