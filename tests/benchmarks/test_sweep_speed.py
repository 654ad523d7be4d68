"""The benchmark of sweeps, in miniature: the tables are there, and both sides wrote the same."""

import csv
from types import SimpleNamespace

import pytest
import torch

from benchmarks.floating_point_work import matrix_rate
from benchmarks.sweep_profile import Measured, further_setting
from benchmarks.sweep_speed import main
from tests.evaluation.tiny_sweep import write_tiny_sweep


def rows(file):
    with file.open() as table:
        return list(csv.DictReader(table, delimiter="\t"))


def test_benchmark_compares_and_profiles(tmp_path):
    systems = "systems: {waitk: {step_ms: 200, knob: k, settings: [1]}}\n"
    file = write_tiny_sweep(tmp_path, systems, audio_at_once_s=10)
    threads = torch.get_num_threads()
    try:
        flags = ["--utterances", "2", "--cores", "1", "--precisions", "bfloat16"]
        main([str(file), "--output", str(tmp_path / "out"), *flags])
    finally:
        torch.set_num_threads(threads)
    theirs, ours = rows(tmp_path / "out" / "speed.tsv")
    assert (theirs["speed"], theirs["runs"], theirs["utterances"]) == ("1.000", "2", "2")
    assert ours["different"] == "0" and float(ours["speed"]) > 0
    stages = rows(tmp_path / "out" / "profile.tsv")
    assert sum(float(row["percent"]) for row in stages) == pytest.approx(100, abs=0.1)  # rounded parts
    assert (tmp_path / "out" / "profile.png").stat().st_size > 1000
    bound = rows(tmp_path / "out" / "bound.tsv")
    assert [(row["settings"], row["lanes"]) for row in bound] == [
        ("half", "1"),
        ("all", "2"),
        ("further", "1"),
    ]
    assert all(float(row["times_bound"]) > 1 for row in bound[:2])
    work = sum(float(row["work_gflop"]) for row in stages)
    assert work == pytest.approx(float(bound[1]["work_gflop"]), abs=0.01)
    exact, other = rows(tmp_path / "out" / "precisions.tsv")
    assert [exact["precision"], other["precision"]] == ["float32", "bfloat16"]
    assert exact["different"] == "0" and exact["texts"] == other["texts"] == "4"


def test_a_further_setting_costs_the_difference_at_the_second_runs_speed():
    """The core was half as fast in the first run: its 10 s would have been 5. 7 - 5 s of two captions."""
    sources = [SimpleNamespace(duration_ms=3000.0)] * 2
    half = Measured(4, sources, cpu_s=10.0, rate=1e9, flops=4e9)
    whole = Measured(8, sources, cpu_s=7.0, rate=2e9, flops=6e9)
    row = further_setting(half, whole)
    assert (row["lanes"], row["cpu_s"], row["cpu_s_a_caption_and_setting"]) == (4, 2.0, 0.25)
    assert (row["work_gflop"], row["bound_s"], row["times_bound"]) == (2.0, 1.0, 2.0)


def test_rate_of_this_core_is_plausible():
    assert 1e8 < matrix_rate(size=128, repeats=2) < 1e13
