"""Streams that step from many threads: together, each as if alone, each with its own trouble."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from agents.holdn_agent import HoldNPolicy
from agents.policy import Policy
from foundation.errors import InputError
from models.sound.audio import SAMPLE_RATE
from serve.shared_engine import SharedEngine
from tests.agents.test_engine import GERMAN, engine, hear, play
from tests.models.scripted_translator import random_script


class WatchedEngine:
    """An engine that notes how many streams each step has, and waits while its door is shut."""

    def __init__(self, inner):
        self.inner = inner
        self.sizes = []
        self.entered = threading.Semaphore(0)
        self.door = threading.Event()
        self.door.set()

    def step(self, streams, **asked):
        self.entered.release()
        assert self.door.wait(10)
        self.sizes.append(len(streams))
        return self.inner.step(streams, **asked)


@dataclass(frozen=True)
class FailingPolicy(Policy):
    def commit(self, hypothesis, stream):
        raise KeyError("lost")


@pytest.fixture
def shared():
    """shared(engine) is a shared one around it, closed after the test."""
    opened = []

    def share(inner):
        opened.append(SharedEngine(inner))
        return opened[-1]

    yield share
    for one in opened:
        one.close()


@pytest.fixture
def held(shared):
    """held(loop): the engine, watched; a shared one around it; its first step, waiting at the door."""

    def hold(loop):
        watched = WatchedEngine(loop)
        together = shared(watched)
        watched.door.clear()
        first = together.submit(open_stream(loop))
        assert watched.entered.acquire(timeout=10)
        return watched, together, first

    return hold


def open_stream(loop, policy=None, ms=400):
    stream = loop.open_stream(policy or Policy(), GERMAN)
    hear(stream.audio, ms)
    return stream


def test_streams_of_many_threads_write_what_each_writes_alone(shared):
    script = random_script(3, 10, sharpness=4.0)
    settings = [(HoldNPolicy(held), seconds) for held in (0, 1, 2) for seconds in (1.2, 2.0, 2.4)]
    alone = [play(engine(script, vocabulary=10), policy, seconds) for policy, seconds in settings]
    loop = engine(script, vocabulary=10)
    together = shared(loop)

    def run(setting):
        policy, seconds = setting
        stream = loop.open_stream(policy, GERMAN)
        texts, chunks = [], round(seconds / 0.4)
        for chunk in range(chunks):
            hear(stream.audio, 400, finished=chunk == chunks - 1)
            texts.append(together.step(stream).text)
        return texts

    with ThreadPoolExecutor(len(settings)) as threads:
        assert list(threads.map(run, settings)) == alone
    assert any("".join(texts) for texts in alone)


def test_all_that_wait_are_in_the_next_step(held):
    loop = engine()
    watched, together, first = held(loop)
    others = [together.submit(open_stream(loop)) for _ in range(3)]
    watched.door.set()
    assert [one.result(10).heard_ms for one in (first, *others)] == [400.0] * 4
    assert watched.sizes == [1, 3]


def test_a_bounded_step_takes_those_first_that_have_waited_longest(held):
    loop = engine()
    watched, together, first = held(loop)
    together.streams_at_once = 2
    told = []
    together.on_step = lambda streams, seconds: told.append(streams)
    order = []
    waiting = [together.submit(open_stream(loop)) for _ in range(5)]
    for place, one in enumerate(waiting):
        one.add_done_callback(lambda _, place=place: order.append(place))
    watched.door.set()
    for one in (first, *waiting):
        one.result(10)
    assert watched.sizes == [1, 2, 2, 1]
    assert order == [0, 1, 2, 3, 4]
    together.step(open_stream(loop))  # what was told before it is there when it is done
    assert told[:4] == [1, 2, 2, 1]


def test_a_stream_that_cannot_be_prepared_fails_alone(held):
    loop = engine()
    watched, together, _ = held(loop)
    good, bad = open_stream(loop, ms=800), open_stream(loop)

    def fail():
        raise InputError("no audio")

    found = [together.submit(good, lambda: hear(good.audio, 400)), together.submit(bad, fail)]
    watched.door.set()
    fine, failed = [one.result(10) for one in found]
    assert (fine.text, fine.heard_ms, fine.error) == ("Ab Cd E", 1200.0, None)
    assert str(failed.error) == "no audio"
    assert watched.sizes == [1, 1]


def test_the_error_of_a_policy_goes_to_its_own_stream(held):
    loop = engine()
    watched, together, _ = held(loop)
    good, bad = open_stream(loop, ms=1200), open_stream(loop, FailingPolicy(), ms=1200)
    found = [together.submit(one) for one in (good, bad)]
    watched.door.set()
    fine, failed = [one.result(10) for one in found]
    assert (fine.text, fine.error) == ("Ab Cd E", None)
    assert failed.text == "" and isinstance(failed.error, KeyError)
    assert watched.sizes == [1, 2]


def test_where_the_model_fails_each_stream_of_the_step_is_tried_alone(held, monkeypatch):
    loop = engine()
    encode = loop.translator.encode_streams

    def encode_all_but_long_ones(streams):
        if max(stream.duration_ms for stream in streams) > 2000:
            raise RuntimeError("out of memory")
        return encode(streams)

    monkeypatch.setattr(loop.translator, "encode_streams", encode_all_but_long_ones)
    watched, together, _ = held(loop)
    found = [together.submit(open_stream(loop, ms=ms)) for ms in (1200, 2400, 1200)]
    watched.door.set()
    decisions = [one.result(10) for one in found]
    assert [decision.text for decision in decisions] == ["Ab Cd E", "", "Ab Cd E"]
    assert [str(decision.error) for decision in decisions] == ["None", "out of memory", "None"]
    assert watched.sizes == [1, 3, 1, 1, 1]


def test_a_step_that_failed_half_way_is_not_taken_again(held, monkeypatch):
    """What it wrote first would be missing."""
    loop = engine()
    written, untouched = open_stream(loop, ms=1200), open_stream(loop, ms=1200)
    watched, together, _ = held(loop)
    step = loop.step

    def fail_half_way(streams):
        if written in streams:
            written.text.write((1,), (0.0,), loop.translator.tokenizer.decode)
            raise RuntimeError("out of memory")
        return step(streams)

    monkeypatch.setattr(loop, "step", fail_half_way)
    found = [together.submit(one) for one in (written, untouched)]
    watched.door.set()
    lost, fine = [one.result(10) for one in found]
    assert str(lost.error) == "a step failed half-way: out of memory"
    assert (fine.text, fine.error) == ("Ab Cd E", None)


def test_the_error_of_the_audio_is_that_of_the_decision(shared):
    loop = engine()
    stream = open_stream(loop)
    stream.audio.append([0.5, float("nan")], SAMPLE_RATE)
    assert isinstance(shared(loop).step(stream).error, InputError)


def test_a_stream_waits_for_one_step_at_a_time(shared):
    loop = engine()
    watched = WatchedEngine(loop)
    together = shared(watched)
    watched.door.clear()
    stream = open_stream(loop)
    first = together.submit(stream)
    with pytest.raises(ValueError, match="one step at a time"):
        together.submit(stream)
    watched.door.set()
    first.result(10)
    assert together.step(stream).heard_ms == 400.0


def test_a_step_that_was_called_off_is_not_taken(held):
    loop = engine()
    watched, together, _ = held(loop)
    stream = open_stream(loop)
    assert together.submit(stream).cancel()
    second = together.submit(open_stream(loop))
    watched.door.set()
    second.result(10)
    assert watched.sizes == [1, 1]
    assert together.step(stream).error is None


def test_closing_finishes_the_step_in_progress_and_refuses_the_rest():
    loop = engine()
    watched = WatchedEngine(loop)
    together = SharedEngine(watched)
    watched.door.clear()
    working = together.submit(open_stream(loop))
    assert watched.entered.acquire(timeout=10)
    waiting = together.submit(open_stream(loop))
    closing = threading.Thread(target=together.close)
    closing.start()
    watched.door.set()
    closing.join(10)
    assert not closing.is_alive()
    assert working.result(10).heard_ms == 400.0
    with pytest.raises(RuntimeError, match="has been closed"):
        waiting.result(10)
    with pytest.raises(RuntimeError, match="has been closed"):
        together.step(open_stream(loop))


def test_nothing_of_a_stream_is_kept_behind_its_step(shared):
    loop = engine()
    together = shared(loop)
    stream = open_stream(loop)
    together.step(stream)
    gone = weakref.ref(stream)
    del stream
    together.step(open_stream(loop))  # the thread has let go of the first step when it takes a second
    gc.collect()
    assert gone() is None


class Panic(BaseException):
    """As a library in another language raises it."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_panic_leaves_nobody_waiting(shared):
    inner = engine()
    one = shared(inner)
    stream = inner.open_stream(Policy(), GERMAN)

    def panic(streams):
        raise Panic

    inner.step = panic
    hear(stream.audio, 400)
    with pytest.raises(RuntimeError, match="the engine has been closed"):
        one.submit(stream).result(timeout=10)
    with pytest.raises(RuntimeError, match="the engine has been closed"):
        one.submit(inner.open_stream(Policy(), GERMAN))
