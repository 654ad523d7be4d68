"""What counts as held, which numbers are tried, and what a GPU holds on paper."""

import numpy as np
import pytest

from benchmarks.serving.paper import Gpu, Work, work_of
from benchmarks.serving.report import held, held_rows, row
from benchmarks.serving.run import AGENTS, ServingOptions, grow
from foundation.errors import InputError
from foundation.files.yaml_files import read_yaml


def test_delays_become_percentiles_and_processor_time_that_of_a_second():
    one = row("a", "ours", 2, [0.1] * 99 + [1.1], processor_s=4.0, audio_s=40.0, memory_mib=512.4)
    assert one == {
        "agent": "a",
        "server": "ours",
        "clients": 2,
        "p50_s": 0.1,
        "p95_s": 0.1,
        "p99_s": 0.11,
        "processor_s_per_audio_s": 0.1,
        "memory_mib": 512,
    }


def test_a_number_is_held_only_with_all_smaller_ones():
    delays = {("ours", 1): 0.1, ("ours", 2): 0.6, ("ours", 4): 0.3, ("pool", 1): 0.2, ("pool", 2): 0.4}
    rows = [
        {"agent": "a", "server": kind, "clients": count, "p95_s": s} for (kind, count), s in delays.items()
    ]
    assert held(rows) == {"ours": 1, "pool": 2}
    assert held([{"server": "ours", "clients": 1, "p95_s": 0.5}]) == {"ours": 0}
    assert held_rows(rows, ["ours", "pool", "none"]) == [{"agent": "a", "ours": 1, "pool": 2, "none": 0}]


@pytest.mark.parametrize(
    ("capacity", "most", "tried"),
    [
        (0, 64, [1]),
        (1, 64, [1, 2]),
        (5, 64, [1, 2, 4, 8, 6]),
        (7, 64, [1, 2, 4, 8, 6]),
        (100, 24, [1, 2, 4, 8, 16, 24]),
    ],
)
def test_numbers_double_until_one_is_not_held(capacity, most, tried):
    seen = []

    def measure(clients):
        seen.append(clients)
        return {"p95_s": 0.1 if clients <= capacity else 1.0}

    grow(measure, most)
    assert seen == tried


def test_a_gpu_on_paper():
    """A third of 60 TFLOP/s and 60% of 1,000 GB/s, half of the time."""
    gpu = Gpu(tera_flop_per_s=60, giga_byte_per_s=1000)
    assert Work(giga_flop=10, state_giga_byte=0, weights_giga_byte=0).clients(gpu) == 1000
    assert Work(giga_flop=10, state_giga_byte=0.3, weights_giga_byte=0).clients(gpu) == 500
    assert Work(giga_flop=10, state_giga_byte=0.3, weights_giga_byte=150).clients(gpu) == 250
    assert Work(giga_flop=10, state_giga_byte=0, weights_giga_byte=600).clients(gpu) == 0


def test_the_work_of_the_shipped_model_is_counted():
    """Between the work of its encoder alone over the audio once, and of all its weights for each frame."""
    noise = np.random.default_rng(0).normal(0, 3000, 48_000).astype(np.int16)
    work = work_of(AGENTS / "reina-mini.yaml", noise, 3.0)
    assert 0 < work.giga_flop < 100 and 0 <= work.state_giga_byte < 1
    assert work.weights_giga_byte > 0


def test_agents_that_are_measured_by_default():
    files = ServingOptions().files()
    assert [read_yaml(file)["model"] for file in files] == [
        "reina-mini",
        "simulsa-mini",
        "openai/whisper-tiny.en",
    ]
    assert len(list(AGENTS.iterdir())) == len(files)


def test_a_file_without_chunks_is_refused(tmp_path):
    (tmp_path / "agent.yaml").write_text("agent: reina\n")
    with pytest.raises(InputError, match="agent.yaml must give chunk_ms"):
        ServingOptions((str(tmp_path / "agent.yaml"),))
