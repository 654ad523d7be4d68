"""A cascade of a recogniser and a translator whose right outputs are known, letter by letter, word by word.

The audio spells AbCdEfGh, a letter in 100 ms. In chunks of 100 ms the recogniser commits Ab at 300 ms, when C
shows that the word is complete, Cd at 500, Ef at 700 and Gh at the end, 800; the letter that ends a word is
attended to where it begins: at 120, 320, 520 and 720 ms.
"""

import contextlib

import pytest

from agents.alignatt_agent import AlignAttPolicy
from agents.cascade.translator import CascadeTranslator
from agents.edatt_agent import EDAttPolicy
from agents.engine import StreamingEngine
from agents.history_options import HistoryOptions
from agents.holdn_agent import HoldNPolicy
from agents.local_agreement_agent import LocalAgreementPolicy
from agents.offline_agent import OfflinePolicy
from agents.waitk_agent import WaitKPolicy
from foundation.errors import InputError
from models.decoding.options import SearchOptions
from models.languages import LanguagePair
from tests.models.spelling_translator import SpellingTranslator, spelled
from tests.models.word_translator import WordTranslator

PAIR = LanguagePair("en", "de")
CHUNK = 1600  # samples of 100 ms
EVERYTHING = HoldNPolicy(held_tokens=0)
SOURCE = "AbCdEfGh"
TARGET = ["Cd", "Ef", "Gh", "Ij"]


def cascade(policy=EVERYTHING, maximum_audio_ms=None) -> CascadeTranslator:
    hearing = StreamingEngine(
        SpellingTranslator(maximum_audio_ms), SearchOptions(), history=HistoryOptions(history="none")
    )
    return CascadeTranslator(WordTranslator(), hearing, policy)


def play(engine, policies, text=SOURCE, chunk=CHUNK, **asked):
    """Words, and the times at which they were written, of each policy's own stream over the same audio."""
    streams = [engine.open_stream(policy, PAIR) for policy in policies]
    audio = spelled(text)
    written = [[] for _ in streams]
    for start in range(0, len(audio), chunk):
        for stream in streams:
            stream.audio.append(audio[start : start + chunk], 16_000, start + chunk >= len(audio))
        for place, decision in enumerate(engine.step(streams, **asked)):
            assert decision.error is None, decision.error
            written[place] += [(word, decision.heard_ms) for word in decision.text.split()]
    return written


@pytest.mark.parametrize(
    ("policy", "delays"),
    [
        # Its words so far are one a step of 200 ms; a word is shown once the next one begins.
        (WaitKPolicy(k=1, step_ms=200), [500, 700, 800, 800]),
        (WaitKPolicy(k=3, step_ms=200), [600, 800, 800, 800]),
        # Target words rest on the source word of their place.
        (AlignAttPolicy(recent_frames=1), [500, 700, 800, 800]),
        (AlignAttPolicy(recent_frames=2), [700, 800, 800, 800]),
        (EDAttPolicy(alpha=0.5, newest_frames=2), [700, 800, 800, 800]),
        (LocalAgreementPolicy(agreeing_chunks=1), [500, 700, 800, 800]),
        # Hypotheses of two source texts must agree: those of chunks that bring no word are no second one.
        (LocalAgreementPolicy(agreeing_chunks=2), [500, 700, 800, 800]),
        (LocalAgreementPolicy(agreeing_chunks=3), [700, 800, 800, 800]),
        (OfflinePolicy(), [800, 800, 800, 800]),
    ],
)
def test_every_policy_writes_the_known_words_at_the_known_times(policy, delays):
    [written] = play(StreamingEngine(cascade(), SearchOptions()), [policy])
    assert written == list(zip(TARGET, delays, strict=True))


def test_streams_together_are_as_alone():
    policies = [WaitKPolicy(k=1, step_ms=200), AlignAttPolicy(recent_frames=2), OfflinePolicy()]
    together = play(StreamingEngine(cascade(), SearchOptions()), policies)
    alone = [play(StreamingEngine(cascade(), SearchOptions()), [policy])[0] for policy in policies]
    assert together == alone


def test_times_of_words_are_those_of_the_source_words_in_the_audio():
    engine = StreamingEngine(cascade(), SearchOptions())
    stream = engine.open_stream(AlignAttPolicy(recent_frames=1), PAIR)
    stream.audio.append(spelled(SOURCE), 16_000, finished=True)
    [decision] = engine.step([stream], with_times=True)
    assert decision.times_ms == (120, 120, 320, 320, 520, 520, 720, 720)


def test_the_recogniser_is_asked_at_each_chunk_whatever_the_translator_does():
    """Agreement of two chunks: the first one is there at 400 ms, when wait-k decodes nothing yet."""
    engine = StreamingEngine(cascade(LocalAgreementPolicy(agreeing_chunks=2)), SearchOptions())
    stream = engine.open_stream(WaitKPolicy(k=3, step_ms=200), PAIR)
    audio = spelled(SOURCE)
    stream.audio.append(audio[: 4 * CHUNK], 16_000)
    engine.step([stream])
    assert stream.audio.sound.text.text == ""  # one hypothesis so far
    stream.audio.append(audio[4 * CHUNK : 5 * CHUNK], 16_000)
    engine.step([stream])
    assert stream.audio.sound.text.text == "Ab Cd"


def test_what_is_not_understood_costs_no_decoding():
    translator = cascade()
    [written] = play(StreamingEngine(translator, SearchOptions()), [EVERYTHING], " " * 12)
    assert written == [] and translator.text.read_texts == []


def test_a_source_text_that_has_not_changed_is_not_decoded_again():
    translator = cascade()
    play(StreamingEngine(translator, SearchOptions()), [EVERYTHING], "AbC   d")
    assert translator.text.read_texts == [["Ab"], ["Ab Cd"]]


@pytest.mark.parametrize("history", ["attention", None])
def test_a_source_longer_than_the_window_loses_no_word_and_writes_none_twice(history):
    """24 letters in a window of 1 s."""
    options = HistoryOptions(history=history, kept_words=2 if history else None)
    engine = StreamingEngine(cascade(maximum_audio_ms=1000.0), SearchOptions(), history=options)
    source = "AbCdEfGhAbEfCdGhEfAbGhCd"
    [written] = play(engine, [AlignAttPolicy(recent_frames=1)], source)
    following = dict(zip("ACEGI", "CEGIK", strict=True))
    assert [word[0] for word, _ in written] == [following[letter] for letter in source[::2]]
    assert engine.translator.recogniser.translator.longest_ms <= 1000


def test_a_recogniser_that_fails_stops_its_own_stream_only(monkeypatch):
    engine = StreamingEngine(cascade(), SearchOptions())
    good, bad = (engine.open_stream(EVERYTHING, PAIR) for _ in range(2))
    bad.audio.sound.state.error = ValueError("a bad policy")
    for stream in (good, bad):
        stream.audio.append(spelled(SOURCE), 16_000, finished=True)
    decisions = engine.step([good, bad])
    assert decisions[0].text.split() == TARGET and decisions[0].error is None
    assert str(decisions[1].error) == "a bad policy"


@pytest.mark.parametrize("half", ["recogniser", "translator"])
def test_a_step_that_failed_is_taken_again_without_loss(half, monkeypatch):
    """As a server does where the memory has no room for two streams at once; chunks of 100 ms."""
    engine = StreamingEngine(cascade(), SearchOptions())
    translator = engine.translator
    failing = translator.recogniser.translator if half == "recogniser" else translator.text
    encode, fails = failing.encode_streams, False

    def encode_or_fail(streams):
        if fails:
            raise RuntimeError("out of memory")
        return encode(streams)

    monkeypatch.setattr(failing, "encode_streams", encode_or_fail)
    stream, audio, written = engine.open_stream(EVERYTHING, PAIR), spelled(SOURCE), []
    for start in range(0, len(audio), CHUNK):
        stream.audio.append(audio[start : start + CHUNK], 16_000, start + CHUNK >= len(audio))
        fails = True
        with contextlib.suppress(RuntimeError):
            engine.step([stream])
        fails = False
        [decision] = engine.step([stream])
        written += [(word, decision.heard_ms) for word in decision.text.split()]
    assert written == list(zip(TARGET, [500, 700, 800, 800], strict=True))


def test_halves_that_do_not_fit_are_refused():
    hearing = StreamingEngine(SpellingTranslator(), SearchOptions())
    with pytest.raises(InputError, match="the model hears audio itself: leave the recogniser out"):
        CascadeTranslator(SpellingTranslator(), hearing, EVERYTHING)
    reading = StreamingEngine(WordTranslator(), SearchOptions())
    with pytest.raises(InputError, match="the recogniser reads text: give one that hears"):
        CascadeTranslator(WordTranslator(), reading, EVERYTHING)
