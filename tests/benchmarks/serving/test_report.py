"""What counts as held."""

from benchmarks.serving.report import clients_of_gpu, held, row


def test_delays_become_percentiles_and_processor_time_that_of_a_second():
    one = row("ours", 2, [0.1] * 99 + [1.1], processor_s=4.0, audio_s=40.0, memory_mib=512.4)
    assert one == {
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
    rows = [{"server": kind, "clients": count, "p95_s": s} for (kind, count), s in delays.items()]
    assert held(rows) == {"ours": 1, "pool": 2}
    assert held([{"server": "ours", "clients": 1, "p95_s": 0.5}]) == {"ours": 0}


def test_a_gpu_on_paper():
    assert clients_of_gpu(10.0, 0.1, 100, tflops=60, gib_per_s=3000) == 2000
    assert clients_of_gpu(10.0, 1.0, 4000, tflops=60, gib_per_s=3000) == 0
