"""The benchmark of sweeps, in miniature: the tables are there, and both sides wrote the same."""

import csv

import pytest
import torch

from benchmarks.sweep_speed import main, matrix_rate
from tests.evaluation.tiny_sweep import write_tiny_sweep


def rows(file):
    with file.open() as table:
        return list(csv.DictReader(table, delimiter="\t"))


def test_benchmark_compares_and_profiles(tmp_path):
    systems = "systems: {waitk: {step_ms: 200, knob: k, settings: [1]}}\n"
    file = write_tiny_sweep(tmp_path, systems, audio_at_once_s=10)
    threads = torch.get_num_threads()
    try:
        main([str(file), "--output", str(tmp_path / "out"), "--utterances", "2", "--cores", "1"])
    finally:
        torch.set_num_threads(threads)
    theirs, ours = rows(tmp_path / "out" / "speed.tsv")
    assert (theirs["speed"], theirs["runs"], theirs["utterances"]) == ("1.000", "2", "2")
    assert ours["different"] == "0" and float(ours["speed"]) > 0
    stages = rows(tmp_path / "out" / "profile.tsv")
    assert sum(float(row["percent"]) for row in stages) == pytest.approx(100, abs=0.1)  # rounded parts
    [bound] = rows(tmp_path / "out" / "bound.tsv")
    assert 0 < float(bound["percent_of_bound"]) < 100 and float(bound["work_gflop"]) > 0


def test_rate_of_this_core_is_plausible():
    assert 1e8 < matrix_rate(size=128, repeats=2) < 1e13
