"""Folders as `simulst sweep` leaves them, with made-up runs (tests/evaluation/run_logs.py)."""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from agents.stream.chunk_record import ChunkRecord
from agents.stream.policy_scores import PolicyScores
from evaluation.logs.chunk_log import CHUNK_LOG, write_chunk_log
from evaluation.logs.run_log import RunLog, Utterance, read_run_log
from evaluation.sweeps.layout import OFFLINE, RunPlace, SweepLayout
from tests.evaluation.run_logs import write_run

CHUNK_MS = 400.0
# Lag in ms and share of wrong words of each setting.
SYSTEMS = {
    "reina": {"threshold=0.5": (600, 0.3), "threshold=0.0": (1000, 0.15), "threshold=-0.5": (1600, 0.08)},
    "waitk": {"k=1": (500, 0.5), "k=3": (1100, 0.3), "k=5": (1700, 0.2)},
}


def write_sweep(
    folder: Path,
    systems: Mapping[str, Mapping[str, tuple[float, float]]] = SYSTEMS,
    sentences: int = 40,
    languages: str | None = None,
    scored: Sequence[str] = ("reina",),
) -> Path:
    """Write the runs of a sweep, offline run included; systems in `scored` log policy scores."""
    layout = SweepLayout(folder)
    runs = [(RunPlace(OFFLINE, next(iter(systems)), languages), 4000, 0.02)]
    for system, settings in systems.items():
        runs += [(RunPlace(system, name, languages), *numbers) for name, numbers in settings.items()]
    for seed, (place, lag_ms, errors) in enumerate(runs):
        run = write_run(layout.run(place), lag_ms, errors, sentences, seed)
        configuration = {"quality_metrics": ["BLEU", "chrF"], "latency_metrics": ["AL"], "beam": 3}
        (run / "evaluation.yaml").write_text(json.dumps(configuration))
        write_chunks(run, place.system in scored)
    return folder


def log_of(folder: Path, run: str) -> RunLog:
    """The log of one run, by its place below `runs`."""
    return read_run_log(folder / "runs" / run)


def write_chunks(run: Path, scored: bool = False) -> None:
    """Write the chunks.jsonl that fits a run's instances.log; computing a chunk took 50 ms."""
    log: RunLog = read_run_log(run)
    records = [_chunks(one, log.unit, scored) for one in log.utterances]
    write_chunk_log(run / CHUNK_LOG, records, start_index=0)


def _chunks(utterance: Utterance, unit: str, scored: bool) -> list[ChunkRecord]:
    words = zip(utterance.delays, utterance.units(unit), strict=True)
    written = {at: [word for _, word in some] for at, some in groupby(words, key=lambda pair: pair[0])}
    times = sorted(
        {*written, *(CHUNK_MS * place for place in range(1, int(utterance.source_ms / CHUNK_MS) + 1))}
    )
    space = " " if unit == "word" else ""
    chunks = []
    for at in times:
        tokens = written.get(at, [])
        scores = None
        if scored and at < utterance.source_ms:
            # One token is held back; the policy stops before the next.
            values = (*(-1.0 - 0.25 * place for place in range(len(tokens) + 1)), 0.75)
            scores = PolicyScores(0.5, (*tokens, "held"), values, len(tokens))
        chunks.append(ChunkRecord(at, 50.0, "".join(space + word for word in tokens), scores))
    return chunks
