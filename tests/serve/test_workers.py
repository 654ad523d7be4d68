"""Several threads that step over one model."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from foundation.errors import InputError
from models.sound.audio import SAMPLE_RATE
from serve.served_agent import worker_count
from serve.shared_engine import SharedEngine
from tests.agents.test_engine import engine
from tests.serve.test_shared_engine import WatchedEngine, open_stream


def test_two_workers_share_out_what_waits():
    """While one is busy the other steps; of those that wait then each takes a half."""
    loop = engine()
    watched = WatchedEngine(loop)
    together = SharedEngine(watched, workers=2)
    try:
        watched.door.clear()
        found = [together.submit(open_stream(loop)) for _ in range(2)]
        for _ in found:
            assert watched.entered.acquire(timeout=10)  # both at the door at once
        found += [together.submit(open_stream(loop)) for _ in range(4)]
        watched.door.set()
        assert [one.result(10).heard_ms for one in found] == [400.0] * 6
        assert watched.sizes[:3] == [1, 1, 2] and sum(watched.sizes) == 6
    finally:
        watched.door.set()
        together.close()


def test_a_stream_that_is_alone_stays_with_one_worker():
    loop = engine()
    threads = set()
    step = loop.step
    loop.step = lambda streams, **asked: threads.add(threading.get_ident()) or step(streams, **asked)
    together = SharedEngine(loop, workers=3)
    try:
        stream = open_stream(loop)
        for _ in range(20):
            together.step(stream)
    finally:
        together.close()
    assert len(threads) == 1


@pytest.mark.parametrize("size", [1, 3])
def test_two_workers_write_what_each_stream_writes_alone(agent, captions, written, size):
    """Over the shipped model, whose steps really overlap: torch lets other threads run."""
    clips = [clip for clip in captions.values() for _ in range(size)]
    together = SharedEngine(agent.engine.engine, workers=2)

    def run(clip):
        stream, said = agent.open_stream(agent.languages), ""
        for start in range(0, len(clip), 4000):
            stream.audio.append(clip[start : start + 4000], SAMPLE_RATE)
            said += together.step(stream).text
        stream.audio.append([], None, finished=True)
        return (said + together.step(stream).text).split()

    try:
        with ThreadPoolExecutor(len(clips)) as threads:
            assert list(threads.map(run, clips)) == [written(clip).words for clip in clips]
    finally:
        together.close()


def test_workers_that_cannot_step_at_once_are_refused():
    translator = engine().translator
    assert not translator.steps_in_threads and worker_count(translator, None) == 1
    with pytest.raises(InputError, match="takes one step at a time, so that 2 workers"):
        worker_count(translator, 2)
