"""Logs and tables, damaged at random: each is read, or refused in one line that names the file."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evaluation.logs.chunk_log import read_chunk_log
from evaluation.logs.run_log import read_run_log
from evaluation.metrics.curve import read_points
from evaluation.metrics.significance import Resampling
from evaluation.report.scores import SweepScores
from evaluation.run.batched_run import read_transcripts
from evaluation.sweeps.finished_sweep import decoding_of, read_sweep
from tests.evaluation.made_up_sweep import write_sweep
from tests.evaluation.run_logs import write_run
from tests.fuzz.mutations import COUNT, check_reader


@pytest.fixture(scope="module")
def sweep(tmp_path_factory) -> Path:
    return write_sweep(tmp_path_factory.mktemp("fuzz") / "sweep", sentences=6)


@contextmanager
def file_kept(file: Path) -> Iterator[None]:
    """Afterwards the file is what it was, or not there if it was not."""
    before = file.read_bytes() if file.exists() else None
    try:
        yield
    finally:
        file.unlink() if before is None else file.write_bytes(before)


def test_a_damaged_instances_log_is_read_or_refused(tmp_path):
    run = write_run(tmp_path / "run", 500, 0.3, sentences=4)

    def read(path: Path) -> None:
        log = read_run_log(path)
        for metric in ("AL", "LAAL_CA", "DAL", "AP", "YAAL"):
            log.latency(metric)

    check_reader(read, run / "instances.log", (run / "instances.log").read_bytes())


def test_a_damaged_chunks_jsonl_is_read_or_refused(sweep):
    run = sweep / "runs/reina/threshold=0.5"
    log = read_run_log(run)
    check_reader(read_chunk_log, run / "chunks.jsonl", (run / "chunks.jsonl").read_bytes())

    def latency(path: Path) -> None:
        read_run_log(run).latency("AL_TC")

    assert log.latency("AL_TC").shape == (6,)
    check_reader(latency, run / "chunks.jsonl", (run / "chunks.jsonl").read_bytes(), name="threshold=0.5")


def test_a_damaged_table_of_points_is_read_or_refused(tmp_path):
    text = b"latency\tquality\tsetting\n1.27\t22.89\tk=3\n2.33\t24.41\tk=5\n3.5\t25\tk=7\n"
    check_reader(read_points, tmp_path / "points.tsv", text)


@pytest.mark.parametrize(
    "file",
    [
        "runs/reina/threshold=0.5/evaluation.yaml",
        "runs/offline/reina/evaluation.yaml",
        "offline.yaml",
        "runs/waitk/k=1/scores.tsv",
    ],
)
def test_a_sweep_with_a_damaged_file_is_read_or_refused(sweep, file):
    valid = {
        "offline.yaml": "reina: reina\nwaitk: reina\n",
        "runs/waitk/k=1/scores.tsv": "setting\tBLEU\tATD\nwaitk k=1\t20.1\t812.5\n",
    }.get(file, "quality_metrics: [BLEU, chrF]\nlatency_metrics:\n- AL\nsacrebleu_tokenizer: 13a\nbeam: 3\n")

    def read(_: Path) -> None:
        [found] = read_sweep(sweep)
        scores = SweepScores(found, Resampling(6, 100))
        assert scores.latency
        for system in found.systems:
            if system.offline is not None:
                decoding_of(system.offline)

    with file_kept(sweep / file):
        check_reader(read, sweep / file, valid.encode(), COUNT // 6)


def test_a_damaged_part_of_a_sweep_is_simulated_again(tmp_path):
    chunks = [{"arrival_ms": 500.0, "compute_ms": None, "text": "a man"}]
    run = {"units": ["a", "man"], "delays": [500.0, 500.0], "chunks": chunks}
    lines = [
        json.dumps({"index": index, "audio": "a.wav 1 2", "source_ms": 900.0, "lanes": {"key": run}}) + "\n"
        for index in range(3)
    ]

    def read(path: Path) -> None:
        for transcripts in read_transcripts([path], {index: "a.wav 1 2" for index in range(3)}).values():
            for one in transcripts.values():
                assert len(one.units) == len(one.delays) and "".join(one.units) is not None

    check_reader(read, tmp_path / "part.jsonl", "".join(lines).encode())
