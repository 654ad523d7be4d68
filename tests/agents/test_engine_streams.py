"""Streams that take a step together: each has its own text, language pair, trouble and memory."""

import numpy as np
import pytest
import torch

from agents.alignatt_agent import AlignAttPolicy
from agents.engine import StreamingEngine
from agents.holdn_agent import HoldNPolicy
from agents.local_agreement_agent import LocalAgreementPolicy
from agents.offline_agent import OfflinePolicy
from agents.policy import Policy
from agents.stream.heard_audio import HeardAudio
from agents.stream.steps import step_together
from agents.waitk_agent import WaitKPolicy
from foundation.errors import InputError
from models.decoding.options import SearchOptions
from models.sound.audio import SAMPLE_RATE
from tests.agents.test_engine import CHINESE, GERMAN, TOKENS_PER_FRAME, engine, hear, play, written
from tests.models.scripted_translator import ScriptedTranslator, fixed_script, random_script


@pytest.mark.parametrize("beam", [1, 3])
def test_a_stream_does_not_depend_on_the_streams_beside_it(beam):
    """Different policies, lengths and progress in one batch; some share one audio."""
    script = random_script(11, 10, sharpness=4.0)
    policies = [
        Policy(),
        OfflinePolicy(),
        WaitKPolicy(k=1, step_ms=200),
        HoldNPolicy(2),
        HoldNPolicy(1),
        LocalAgreementPolicy(2),
        AlignAttPolicy(6),
        AlignAttPolicy(2),
    ]
    options = {"beam": beam, "patience": 2.0, "blocked_ngram": 3}
    seconds = [2.0, 1.2, 2.4, 0.8]
    alone = {
        (place, length): play(engine(script, vocabulary=10, **options), policy, length)
        for place, policy in enumerate(policies)
        for length in seconds
    }

    loop = engine(script, vocabulary=10, **options)
    streams, texts = {}, {key: [] for key in alone}
    shared = {length: HeardAudio(loop.translator.open_stream) for length in seconds}
    for length in seconds:
        for place, policy in enumerate(policies):
            streams[place, length] = loop.open_stream(policy, GERMAN, shared[length])
    for chunk in range(6):
        live = [key for key in streams if 400 * chunk < 1000 * key[1]]
        for length in seconds:
            if 400 * chunk < 1000 * length:
                hear(shared[length], 400, 400 * (chunk + 1) >= 1000 * length)
        for key, text in zip(live, written(loop, *(streams[key] for key in live)), strict=True):
            texts[key].append(text)
    assert texts == alone
    assert any("".join(one) for one in alone.values())


@pytest.mark.parametrize("streams_at_once", [None, 1, 2])
def test_engines_of_one_translator_encode_once(streams_at_once):
    """Greedy and beam search side by side over two sounds; each finds what it finds alone."""
    script = random_script(5, 10, sharpness=4.0)
    translator = ScriptedTranslator(script, 10)
    settings = [{"beam": 1}, {"beam": 3, "patience": 2.0}]
    engines = [StreamingEngine(translator, SearchOptions(**one)) for one in settings]
    policies = [Policy(), HoldNPolicy(1), AlignAttPolicy(3)]
    seconds = [1.2, 0.8]
    heard = [HeardAudio(translator.open_stream) for _ in seconds]
    for audio, length in zip(heard, seconds, strict=True):
        hear(audio, int(1000 * length))
    work = [
        (loop, [loop.open_stream(policy, GERMAN, audio) for audio in heard for policy in policies])
        for loop in engines
    ]
    together = step_together(work, streams_at_once)
    assert translator.encoded == len(heard)
    for (loop, streams), decisions in zip(work, together, strict=True):
        for stream, decision in zip(streams, decisions, strict=True):
            fresh = loop.open_stream(stream.policy, GERMAN)
            hear(fresh.audio, int(stream.audio.heard_ms))
            assert written(loop, fresh) == [decision.text]


def test_one_broken_stream_among_fifty_ends_none_of_the_others():
    """Bad audio, a full window, a full context and failing policies, beside streams that go on."""

    class FailsBefore(Policy):
        def units_allowed(self, stream):
            raise ZeroDivisionError("before decoding")

    class FailsInside(Policy):
        def read(self, step):
            raise ZeroDivisionError("inside the search")

    class FailsBehind(Policy):
        def commit(self, hypothesis, stream):
            raise ZeroDivisionError("behind the search")

    class CommitsTooMuch(Policy):
        def commit(self, hypothesis, stream):
            return len(hypothesis.tokens) + 1

    class AllowsAHalf(Policy):
        def units_allowed(self, stream):
            return 0.5

    loop = engine()
    loop.translator.maximum_audio_ms = 2500.0
    good = [loop.open_stream(Policy(), GERMAN) for _ in range(50)]
    broken = {
        "audio must be finite": loop.open_stream(Policy(), GERMAN),
        "audio of 2.6 s is longer than the model's window of 2.5 s": loop.open_stream(Policy(), GERMAN),
        "61 tokens, but the model's context holds 60": loop.open_stream(Policy(), GERMAN),
        "before decoding": loop.open_stream(FailsBefore(), GERMAN),
        "inside the search": loop.open_stream(FailsInside(), GERMAN),
        "behind the search": loop.open_stream(FailsBehind(), GERMAN),
        "commit of CommitsTooMuch must return how many": loop.open_stream(CommitsTooMuch(), GERMAN),
        "a count of 0 or more, got 0.5": loop.open_stream(AllowsAHalf(), GERMAN),
    }
    nan, long, full, *_ = broken.values()
    nan.audio.append(np.full(16_000, np.nan, np.float32), SAMPLE_RATE)
    hear(long.audio, 600)
    full.text.committed[:] = [1] * 61
    streams = [*good[:25], *broken.values(), *good[25:]]
    for stream in streams:
        hear(stream.audio, 2000)
    decisions = loop.step(streams)
    errors = [decision.error for decision in decisions]
    texts = [decision.text for decision in decisions]
    assert texts[:25] + texts[33:] == ["Ab Cd E Gh I"] * 50 and texts[25:33] == [""] * 8
    assert errors[:25] + errors[33:] == [None] * 50
    for error, message in zip(errors[25:33], broken, strict=True):
        assert message in str(error)
    assert all(isinstance(error, InputError) for error in errors[25:28])
    # They stay out of it, and the others go on.
    for stream in good:
        hear(stream.audio, 400, finished=True)
    decisions = loop.step(streams)
    assert {decision.text for decision in decisions} == {"", " Kl"}
    assert sum(decision.error is None for decision in decisions) == 50


def test_a_score_that_cannot_be_shown_stops_only_its_stream():
    class HasNoNumber(Policy):
        score_limit = "x"

        def read(self, step):
            return torch.zeros(len(step.streams), dtype=torch.bool)

        def score(self, step):
            return torch.zeros(len(step.streams))

    loop = engine()
    streams = [loop.open_stream(Policy(), GERMAN), loop.open_stream(HasNoNumber(), GERMAN)]
    for stream in streams:
        hear(stream.audio, 2000)
    good, bad = loop.step(streams, with_scores=True)
    assert good.error is None and good.text
    assert isinstance(bad.error, ValueError) and not streams[1].text.committed


def test_a_policy_that_failed_once_stays_out():
    """Its memory may be half-changed: what it says later is not to be trusted."""

    class FailsOnce(Policy):
        failed = False

        def units_allowed(self, stream):
            if not self.failed:
                self.failed = True
                raise ZeroDivisionError("once")

    loop = engine()
    stream = loop.open_stream(FailsOnce(), GERMAN)
    for _ in range(2):
        hear(stream.audio, 400)
        [decision] = loop.step([stream])
        assert isinstance(decision.error, ZeroDivisionError)


def test_a_stream_is_refused_twice_in_one_step():
    loop = engine()
    stream = loop.open_stream(Policy(), GERMAN)
    with pytest.raises(ValueError, match="twice"):
        loop.step([stream, stream])


def test_odd_audio_is_an_error_of_its_source():
    loop = engine()
    audio = loop.open_audio()
    audio.append([0.0] * 1600, "fast")
    assert "sample rate must be positive" in str(audio.error)
    ended = loop.open_audio()
    hear(ended, 400, finished=True)
    ended.append([], None)
    assert ended.finished


@pytest.mark.parametrize("count", [-1, 3])
def test_no_more_text_is_forgotten_than_there_is(count):
    loop = engine()
    stream = loop.open_stream(Policy(), GERMAN)
    stream.text.committed[:], stream.text.times_ms[:] = [1, 2], [0.0, 0.0]
    with pytest.raises(ValueError, match="of 2 committed tokens"):
        stream.text.forget(count)


def test_streams_of_all_language_pairs_advance_together():
    """Words and characters side by side: each as alone."""
    loop, policy = engine(), WaitKPolicy(k=1, step_ms=400)
    streams = [loop.open_stream(policy, pair) for pair in (GERMAN, CHINESE)]
    texts = []
    for _ in range(2):
        for stream in streams:
            hear(stream.audio, 400)
        texts.append(written(loop, *streams))
    alone = [play(engine(), policy, 1.2, languages=pair)[:2] for pair in (GERMAN, CHINESE)]
    assert texts == [list(pair) for pair in zip(*alone, strict=True)]
    assert texts == [["", "A"], ["Ab", "b"]]


def test_each_token_has_the_time_of_the_audio_that_it_was_attended_to():
    """Token n looks at frame 4 n, which ends at 20 (4 n + 1) ms. Else its time is when it was written."""
    loop = engine()
    stream = loop.open_stream(Policy(), GERMAN)
    hear(stream.audio, 800)
    [decision] = loop.step([stream], with_times=True)
    assert (decision.text, decision.tokens) == ("Ab", (1, 2))
    assert decision.times_ms == (20.0, 100.0)
    hear(stream.audio, 400)
    [decision] = loop.step([stream])
    assert (decision.text, decision.times_ms) == (" Cd E", (1200.0, 1200.0, 1200.0))
    assert stream.text.times_ms == [20.0, 100.0, 1200.0, 1200.0, 1200.0]


def test_forgotten_audio_and_text_are_out_of_the_search():
    """Behind a trim the stream goes on as one that has heard and written only the rest."""
    heard = []

    def script(frames, tokens):
        heard.append((frames, tuple(tokens)))
        return fixed_script([1, 3, 5, 7, 9, 11], 14, TOKENS_PER_FRAME)(frames, tokens)

    loop = engine(script)
    stream = loop.open_stream(Policy(), GERMAN)
    hear(stream.audio, 1200)
    assert written(loop, stream) == ["A C E G I"]
    stream.text.forget(4)
    stream.audio.drop_before(800.0)
    assert (stream.audio.start_ms, stream.audio.window_ms, stream.audio.heard_ms) == (800.0, 400.0, 1200.0)
    assert (stream.text.context, stream.text.committed) == ([1, 3, 5, 7], [9])
    hear(stream.audio, 400)
    heard.clear()
    [decision] = loop.step([stream], with_times=True)
    assert heard[0] == (40, (9,))
    assert decision.text == " C E" and stream.text.committed == [9, 3, 5]
    assert decision.times_ms == (800.0 + 100.0, 800.0 + 180.0)
