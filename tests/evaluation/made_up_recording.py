"""A sweep over one long recording, with its audio: an hour, 9,000 words, a decision a second."""

import json
import random
from pathlib import Path

import numpy as np
import soundfile

from agents.stream.chunk_record import ChunkRecord
from agents.stream.policy_scores import PolicyScores
from evaluation.logs.chunk_log import CHUNK_LOG, write_chunk_log
from evaluation.logs.run_log import RunLog
from evaluation.report.segments import AlignedSegment, SegmentsOfRun
from tests.evaluation.run_logs import WORDS, line, write_log

SAMPLE_RATE = 16_000
WORD_MS = 400
# Lag in s of each setting; only the first system logs policy scores.
SYSTEMS = {"reina": {"threshold=0.5": 2, "threshold=0.0": 4}, "waitk": {"k=3": 3, "k=5": 6}}


def write_recording(file: Path, duration_s: int) -> Path:
    """A quiet square wave, every tenth second of which is silent."""
    second = np.tile(np.repeat(np.array([300, -300], dtype=np.int16), 40), SAMPLE_RATE // 80)
    with soundfile.SoundFile(file, "w", SAMPLE_RATE, 1, subtype="PCM_16") as audio:
        for start in range(0, duration_s, 10):
            seconds = min(10, duration_s - start)
            audio.write(np.concatenate([second] * (seconds - 1) + [second * (0 if seconds == 10 else 1)]))
    return file


def write_long_sweep(folder: Path, source: str, duration_s: int = 3600) -> Path:
    """Word i is spoken at i * 0.4 s, and written by each run its lag later; computing a chunk takes 0.3 s."""
    texts = random.Random(0)
    reference = [texts.choice(WORDS) for _ in range(duration_s * 1000 // WORD_MS)]
    runs = {f"{system}/{name}": lag for system, names in SYSTEMS.items() for name, lag in names.items()}
    for seed, (run, lag_s) in enumerate({"offline/reina": duration_s, **runs}.items()):
        mistakes = random.Random(seed)
        words = [word if mistakes.random() > 0.1 * seed else "er" for word in reference]
        delays = [min(duration_s, at * WORD_MS // 1000 + lag_s) * 1000.0 for at in range(len(words))]
        fields = {
            "prediction": " ".join(words),
            "reference": " ".join(reference),
            "delays": delays,
            "elapsed": delays,
            "prediction_length": len(words),
            "source": [source],
            "source_length": duration_s * 1000.0,
        }
        path = write_log(folder / "runs" / run, [line(0, **fields)])
        configuration = {"quality_metrics": ["BLEU", "chrF"], "latency_metrics": ["AL"], "beam": 3}
        (path / "evaluation.yaml").write_text(json.dumps(configuration))
        chunks = _chunks(words, delays, duration_s, scored=run.startswith("reina"))
        write_chunk_log(path / CHUNK_LOG, [chunks], start_index=0)
    return folder


def _chunks(words: list[str], delays: list[float], duration_s: int, scored: bool) -> list[ChunkRecord]:
    written: dict[float, list[str]] = {}
    for word, delay in zip(words, delays, strict=True):
        written.setdefault(delay, []).append(word)
    chunks = []
    for second in range(1, duration_s + 1):
        tokens = tuple(written.get(second * 1000.0, ()))
        values = (*(-0.25 * place for place in range(len(tokens))), 0.75)
        scores = PolicyScores(0.5, tokens, values, len(tokens)) if scored else None
        chunks.append(ChunkRecord(second * 1000.0, 300.0, "".join(f" {token}" for token in tokens), scores))
    return chunks


def segments_of(log: RunLog, words: int = 10) -> SegmentsOfRun:
    """Segments of so many words each, the last 0.4 s of which are a pause; LAAL is what all of them have."""
    [one] = log.utterances
    reference, written = one.reference.split(), one.prediction.split()
    segments = [
        AlignedSegment(
            offset_ms=at * WORD_MS,
            duration_ms=(words - 1) * WORD_MS,
            reference=" ".join(reference[at : at + words]),
            hypothesis=" ".join(written[at : at + words]),
            score=2.5,
        )
        for at in range(0, len(reference), words)
    ]
    return SegmentsOfRun({0: segments}, "LAAL (s)")
