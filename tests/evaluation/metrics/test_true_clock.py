"""The true clock by hand, and on an agent that cannot keep up."""

import pytest

from evaluation.metrics.latency import LATENCY_METRICS
from evaluation.metrics.true_clock import ChunkTiming, emission_times, finish_times
from foundation.errors import InputError

# 150 ms of computation for each 100 ms of audio, two seconds long; every second chunk writes a word.
SLOW = [ChunkTiming(100 * number, 150, int(number % 2 == 0)) for number in range(1, 21)]
SOURCE_MS, WORDS = 2000, 10


def test_a_fast_agent_is_late_by_its_own_computation_only():
    chunks = [ChunkTiming(arrival, 30) for arrival in (100, 200, 300)]
    assert finish_times(chunks) == [130, 230, 330]


def test_backlog_waits_in_line_and_is_worked_off_in_silence():
    chunks = [ChunkTiming(100, 250), ChunkTiming(200, 50), ChunkTiming(300, 10), ChunkTiming(600, 10)]
    # 100 + 250; 350 + 50; 400 + 10; the last finds nothing before it.
    assert finish_times(chunks) == [350, 400, 410, 610]


def test_every_word_of_a_chunk_appears_when_the_chunk_is_done():
    chunks = [ChunkTiming(100, 30, 2), ChunkTiming(200, 30, 0), ChunkTiming(300, 30, 1)]
    assert emission_times(chunks) == [130, 130, 330]


def test_an_agent_that_falls_behind_by_50_ms_a_chunk():
    # Chunk i is done at 100 + 150 i.
    assert emission_times(SLOW)[:3] == [400, 700, 1000]
    assert finish_times(SLOW)[-1] == 3100


def test_true_and_raw_latency_of_that_agent():
    yaal = LATENCY_METRICS["YAAL"]
    raw = [chunk.arrival_ms + 150 * number for number, chunk in enumerate(SLOW, 1) if chunk.units_written]
    # A word every 200 ms: 400, 700 - 200, 1000 - 400, ... 1900 - 1000 are before the end.
    assert yaal(emission_times(SLOW), SOURCE_MS, WORDS) == 650
    # SimulEval's elapsed: 500, 1000 - 200, 1500 - 400; the next is at the end already.
    assert yaal(raw, SOURCE_MS, WORDS) == 800
    # Without computation: 200, 400 - 200, ...
    delays = [chunk.arrival_ms for chunk in SLOW if chunk.units_written]
    assert yaal(delays, SOURCE_MS, WORDS) == 200


@pytest.mark.parametrize("values", [(-1, 5, 0), (100, float("nan"), 0), (100, -0.5, 0), (100, 5, -1)])
def test_impossible_times_are_refused(values):
    with pytest.raises(InputError, match="times and counts of a chunk must be 0 or more"):
        ChunkTiming(*values)


def test_chunks_out_of_order_are_refused():
    with pytest.raises(InputError, match="chunks must be in order: 100 ms comes behind 200 ms"):
        finish_times([ChunkTiming(200, 5), ChunkTiming(100, 5)])
