"""Costs by length, parts and their work; figures that are known by hand come out."""

import csv

import pytest

from benchmarks.chunk_compute import lengths
from benchmarks.chunk_compute.parts import PARTS
from benchmarks.chunk_compute.report import lengths_table, parts_table
from benchmarks.chunk_compute.settings import read_settings

PASSAGE_S = 4


def chunk(heard_s, cpu_ms, passage=0):
    parts = dict.fromkeys(PARTS, 0.0) | {"rest": 1.0, "encoder": cpu_ms - 1}
    memory = {"loaded_mib": 100.0, "resident_mib": 100.0 + heard_s}
    row = {"agent": "ours", "passage": passage, "chunk": heard_s, "heard_s": float(heard_s), "cpu_ms": cpu_ms}
    return row | parts | memory


def test_a_cost_is_the_median_of_repeats_and_the_mean_of_near_chunks():
    passes = [[chunk(second, 100 + second) for second in range(1, 30)] for _ in range(2)]
    disturbed = [chunk(second, 5000) for second in range(1, 30)]
    [row] = lengths_table([one for rows in (*passes, disturbed) for one in rows], 1000)
    assert (row["at_2_s"], row["at_5_s"], row["at_28_s"]) == (102, 105, 128)
    assert row["growth"] == pytest.approx(128 / 105)
    assert (row["flat"], row["real_time"], row["real_time_factor"]) == ("no", "yes", 0.128)
    assert (row["no_networks_at_5_s"], row["no_networks_at_28_s"]) == (1, 1)
    assert (row["mib_loaded"], row["mib_at_28_s"]) == (100, 128)


def test_a_cost_that_stays_is_flat_and_one_above_the_chunk_is_not_real_time():
    [row] = lengths_table([chunk(second, 300 + second) for second in range(1, 30)], 250)
    assert (row["flat"], row["real_time"]) == ("yes", "no")


def test_the_rate_of_a_part_is_its_work_by_its_time():
    work = [dict.fromkeys(PARTS, 0.0) | {"agent": "ours", "encoder": 2e9}]
    rows = {row["part"]: row for row in parts_table([chunk(3, 101)], work, core_rate=1e11)}
    encoder = rows["encoder"]
    assert (encoder["cpu_ms"], encoder["gflop"], encoder["gflop_per_s"]) == (100, 2, 20)
    assert encoder["bound_ms"] == 20
    assert rows["rest"]["percent"] == pytest.approx(100 / 101)
    assert rows["rest"]["gflop_per_s"] == 0


@pytest.fixture
def short_passages(inputs, monkeypatch):
    monkeypatch.setattr(lengths, "PASSAGE_S", PASSAGE_S)
    return lengths.joined(inputs / "source.txt", 2)


def test_passages_are_joined_clips(short_passages):
    assert [len(passage) for passage in short_passages] == [PASSAGE_S * 16_000] * 2
    # 3.2 s and 2.1 s are more than 4 s; the next passage begins with the first clip again.
    assert (short_passages[0] == short_passages[1]).all()


@pytest.mark.parametrize(
    "name", ["ours, exact", "ours, frozen", "transformers", "CTranslate2 int8", "re-decoding"]
)
def test_the_parts_of_a_chunk_are_all_of_it(inputs, short_passages, name):
    if name.startswith("CTranslate2"):
        pytest.importorskip("ctranslate2")
    holdn, alignatt = read_settings(inputs / "settings.yaml", f"{inputs}/tiny")
    settings = alignatt if name == "re-decoding" else holdn
    setting = name.removeprefix("ours, ")
    found = lengths.measure(name, settings.ours.get(setting, settings.common), short_passages[:1], 2)
    # 4 s are 6 chunks of 0.7 s, of which the last one is left out.
    assert (len(found.chunks), len(found.work)) == (10, 5)
    assert found.core_rate > 0
    for row in found.chunks:
        assert sum(row[part] for part in PARTS) == pytest.approx(row["cpu_ms"], rel=0.05, abs=0.5)
    if name.startswith("CTranslate2"):
        return  # nobody sees what it does inside
    network = ("encoder", "cross keys", "prefill", "logits")
    for row in found.work:
        assert all(row[part] > 0 for part in network)
        assert row["rest"] == row["policy"] == 0


def test_frozen_frames_are_less_work(inputs, short_passages):
    [holdn] = read_settings(inputs / "settings.yaml", f"{inputs}/tiny", ("holdn",))
    exact, frozen = (
        lengths.measure(f"ours, {name}", setting, short_passages[:1], 1).work
        for name, setting in holdn.ours.items()
    )
    assert frozen[-1]["encoder"] < exact[-1]["encoder"] / 2
    assert frozen[-1]["cross keys"] < exact[-1]["cross keys"] / 2


def test_the_command_measures_in_processes_of_their_own(inputs, tmp_path, monkeypatch):
    # So short that nothing near 2 to 28 s is known, but tables need it: these lengths are asked for instead.
    monkeypatch.setattr(lengths, "PASSAGE_S", PASSAGE_S)
    monkeypatch.setattr("benchmarks.chunk_compute.report.LENGTHS_S", (2, 3))
    monkeypatch.setattr("benchmarks.chunk_compute.report.FLAT_FROM_S", 2)
    monkeypatch.setattr("benchmarks.chunk_compute.report.FLAT_TO_S", 3)
    files = ("--source", f"{inputs}/source.txt", "--settings", f"{inputs}/settings.yaml")
    chosen = ("--model", f"{inputs}/tiny", "--policies", "holdn", "--only", "frozen")
    few = ("--passages", "1", "--repeats", "1")
    assert lengths.main([*files, *chosen, *few, "--output", str(tmp_path / "out")]) == 0
    with (tmp_path / "out" / "holdn-lengths.tsv").open(newline="") as file:
        [row] = csv.DictReader(file, delimiter="\t")
    assert row["agent"] == "ours, frozen"
    assert float(row["mib_loaded"]) > 50
    assert (tmp_path / "out" / "holdn.png").stat().st_size > 10_000
