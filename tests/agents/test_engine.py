"""The loop that all policies share, over a translator whose every probability is known."""

import numpy as np
import pytest
import torch

from agents.alignatt_agent import AlignAttPolicy
from agents.engine import StreamingEngine, step_together
from agents.holdn_agent import HoldNPolicy
from agents.local_agreement_agent import LocalAgreementPolicy
from agents.offline_agent import OfflinePolicy
from agents.policy import Policy
from agents.stream.heard_audio import HeardAudio
from agents.waitk_agent import WaitKPolicy
from foundation.errors import InputError
from models.decoding.search import SearchOptions
from models.decoding.units import complete_units
from models.languages import LanguagePair
from models.sound.audio import SAMPLE_RATE
from models.sound.speech_activity import SpeechActivityOptions
from tests.models.scripted_translator import ScriptedTranslator, fixed_script, random_script

# Letters: capitals (odd tokens) begin a word. "Ab Cd E Gh I Kl"
SENTENCE = [1, 2, 3, 4, 5, 7, 8, 9, 11, 12]
# 50 frames are a second: ten tokens take two seconds.
TOKENS_PER_FRAME = 0.1
GERMAN, CHINESE = LanguagePair("en", "de"), LanguagePair("en", "zh")


def engine(script=None, vocabulary=14, **options):
    script = script or fixed_script(SENTENCE, vocabulary, TOKENS_PER_FRAME)
    return StreamingEngine(ScriptedTranslator(script, vocabulary), SearchOptions(**options))


def hear(audio, ms, finished=False):
    audio.append(np.zeros(16 * ms, np.float32), SAMPLE_RATE, finished)


def play(engine, policy, seconds=2.4, chunk_ms=400, languages=GERMAN):
    """New text after each chunk."""
    stream = engine.open_stream(policy, languages)
    chunks = round(1000 * seconds / chunk_ms)
    texts = []
    for chunk in range(chunks):
        hear(stream.audio, chunk_ms, finished=chunk == chunks - 1)
        texts += written(engine, stream)
    return texts


def written(engine, *streams):
    """The text that is new in each."""
    decisions = engine.step(streams)
    assert [decision.error for decision in decisions] == [None] * len(streams)
    return [decision.text for decision in decisions]


def test_offline_encodes_once():
    loop = engine()
    assert play(loop, OfflinePolicy()) == ["", "", "", "", "", "Ab Cd E Gh I Kl"]
    assert loop.translator.encoded == 1


def test_write_everything_emits_whole_words_as_they_are_heard():
    # Each chunk lets two more tokens be heard. A word is whole once the next one begins.
    assert play(engine(), Policy()) == ["", "Ab", " Cd E", " Gh", " I", " Kl"]


def test_a_word_is_held_until_something_begins_behind_it():
    """Odd numbers of tokens end inside a word; it is shown once it is complete."""
    loop = engine(fixed_script(SENTENCE, 14, 0.05))

    def stops_at_three(step):
        return torch.tensor([step.tokens.shape[1] >= 3])

    class Stop(Policy):
        def read(self, step):
            return stops_at_three(step)

    stream = loop.open_stream(Stop(), GERMAN)
    hear(stream.audio, 2000)
    # Written A b C, and d would come next: "Cd" is not whole yet.
    assert written(loop, stream) == ["Ab"]
    assert stream.text.committed == [1, 2]


def test_waitk_writes_one_word_each_step():
    texts = play(engine(), WaitKPolicy(k=2, step_ms=400), seconds=2.8)
    assert texts == ["", "Ab", " Cd", " E", " Gh", " I", " Kl"]


def test_waitk_counts_a_first_word_without_a_space():
    loop = engine(fixed_script([2, 3, 4, 5, 7, 8, 9, 11, 12], 14, 0.1))
    texts = play(loop, WaitKPolicy(k=2, step_ms=400), seconds=2.8)
    assert texts == ["", "b", " Cd", " E", " Gh", " I", " Kl"]


def test_holdn_lags_and_flushes_at_the_end():
    assert play(engine(), HoldNPolicy(held_tokens=2)) == ["", "Ab", " Cd", " E", " Gh I", " Kl"]


def test_local_agreement_lags_one_chunk():
    assert play(engine(), LocalAgreementPolicy(2)) == ["", "Ab", " Cd", " E", " Gh I", " Kl"]


def test_alignatt_stops_where_attention_reaches_the_newest_audio():
    # Token n looks at frame 4 n, 20 frames a chunk: with 8 newest frames, token 3 (frame 12) READs first.
    loop = engine(fixed_script(SENTENCE, 14, 1.0))
    assert play(loop, AlignAttPolicy(recent_frames=8))[:2] == ["Ab", " Cd E Gh I"]


def test_characters_are_emitted_one_by_one_for_languages_without_spaces():
    texts = play(engine(), WaitKPolicy(k=1, step_ms=400), seconds=1.2, languages=CHINESE)
    assert "".join(texts[:2]).replace(" ", "") == "Ab"
    assert texts[0].replace(" ", "") == "A"


def test_nothing_is_written_of_a_stream_without_audio():
    loop = engine()
    stream = loop.open_stream(Policy(), GERMAN)
    assert written(loop, stream) == [""]
    hear(stream.audio, 0, finished=True)
    assert written(loop, stream) == [""]


class StopAfterOne(Policy):
    """READs before the second token of each chunk."""

    def read(self, step):
        return torch.full((len(step.tokens),), step.tokens.shape[1] >= 1)


def test_looking_ahead_finds_the_word_that_goes_on_well():
    """A is likelier than C, but what follows C is sure, and what follows A is not."""
    follows = {(): {1: 0.5, 3: 0.4, 0: 0.1}, (3,): {5: 0.95, 0: 0.05}, (3, 5): {0: 0.95, 1: 0.05}}
    unsure = {1: 0.25, 3: 0.25, 5: 0.25, 0: 0.25}

    def script(frames, tokens):
        probabilities = torch.zeros(6)
        for token, probability in follows.get(tuple(tokens), unsure).items():
            probabilities[token] = probability
        return probabilities.log()

    in_search, ahead = (
        play(engine(script, vocabulary=6, beam=2, look_ahead=look), StopAfterOne(), seconds=0.8)[0]
        for look in (False, True)
    )
    assert (in_search, ahead) == ("A", "C")


@pytest.mark.parametrize("policy", [AlignAttPolicy(6), AlignAttPolicy(2), StopAfterOne()])
def test_looking_ahead_changes_nothing_in_greedy_search(policy):
    script = random_script(11, 10, sharpness=4.0)
    in_search, ahead = (
        play(engine(script, vocabulary=10, look_ahead=look), policy) for look in (False, True)
    )
    assert in_search == ahead and any(ahead[:-1])


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
    shared = {length: HeardAudio(loop.translator.open_stream()) for length in seconds}
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
    heard = [HeardAudio(translator.open_stream()) for _ in seconds]
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


def test_a_policy_is_not_asked_about_streams_whose_audio_has_ended():
    """AlignAtt's stream has ended, so no attention is computed for it beside a policy that reads none."""

    class ReadsNothing(Policy):
        def read(self, step):
            return torch.zeros(len(step.streams), dtype=torch.bool)

    loop = engine()
    streams = [loop.open_stream(AlignAttPolicy(4), GERMAN), loop.open_stream(ReadsNothing(), GERMAN)]
    for stream, finished in zip(streams, (True, False), strict=True):
        hear(stream.audio, 2000, finished)
    assert written(loop, *streams) == ["Ab Cd E Gh I Kl", "Ab Cd E Gh I"]


@pytest.mark.parametrize(
    "tokens, next_token, limit, expected",
    [
        ((), 1, None, 0),
        ((1, 2), 3, None, 2),
        ((1, 2), 4, None, 0),  # "Ab" goes on
        ((1, 2, 3), 4, None, 2),
        ((1, 2, 3), 0, None, 2),  # an end before the end of the audio completes no word
        ((1, 2, 3, 4, 5), 7, 2, 4),
        ((1, 2, 3, 4, 5), 7, 0, 0),
    ],
)
def test_complete_units(tokens, next_token, limit, expected):
    starts = engine().search.units_started[0]
    assert complete_units(tokens, next_token, starts, limit) == expected


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
    assert texts[:25] + texts[31:] == ["Ab Cd E Gh I"] * 50 and texts[25:31] == [""] * 6
    assert errors[:25] + errors[31:] == [None] * 50
    for error, message in zip(errors[25:31], broken, strict=True):
        assert message in str(error)
    assert all(isinstance(error, InputError) for error in errors[25:28])
    # They stay out of it, and the others go on.
    for stream in good:
        hear(stream.audio, 400, finished=True)
    decisions = loop.step(streams)
    assert {decision.text for decision in decisions} == {"", " Kl"}
    assert sum(decision.error is None for decision in decisions) == 50


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


def test_decisions_are_due_after_each_chunk_and_at_the_end():
    audio = HeardAudio(engine().translator.open_stream())
    assert not audio.is_due(400)
    hear(audio, 399)
    assert not audio.is_due(400)
    hear(audio, 1)
    assert audio.is_due(400)
    audio.mark_decided()
    hear(audio, 200)
    assert not audio.is_due(400)
    hear(audio, 0, finished=True)
    assert audio.is_due(400)


def test_a_chunk_may_be_half_a_millisecond_short():
    """At 11,025 Hz 250 ms are 2,756.25 samples."""
    audio = HeardAudio(engine().translator.open_stream())
    audio.append(np.zeros(2756, np.float32), 11_025)
    assert audio.is_due(250)


class Spoken:
    """A network that hears speech in frames whose first sample is not zero."""

    def start(self):
        return None

    def __call__(self, frame, state):
        return (frame[:, 0] != 0).float(), state


@pytest.fixture
def listening(monkeypatch):
    """An engine that hears speech in ones and silence in zeros; a pause is 96 ms."""
    monkeypatch.setattr("models.sound.speech_activity.load_speech_network", Spoken)
    script = fixed_script(SENTENCE, 14, TOKENS_PER_FRAME)
    speech = SpeechActivityOptions(least_speech_ms=64, pause_ms=96)
    return StreamingEngine(ScriptedTranslator(script, 14), SearchOptions(), speech)


def say(audio, ms, value, finished=False):
    audio.append(np.full(16 * ms, value, np.float32), SAMPLE_RATE, finished)


def test_nothing_is_decoded_before_somebody_speaks_and_nothing_written_where_nobody_does(listening):
    stream = listening.open_stream(Policy(), GERMAN)
    for _ in range(3):
        say(stream.audio, 400, 0.0)
        assert written(listening, stream) == [""]
    say(stream.audio, 0, 0.0, finished=True)
    assert written(listening, stream) == [""]
    assert listening.translator.encoded == 0


def test_a_pause_is_decoded_once_and_speech_behind_it_again(listening):
    stream = listening.open_stream(Policy(), GERMAN)
    encoded = []
    for value in (0.0, 1.0, 0.0, 0.0, 0.0, 1.0):
        say(stream.audio, 320, value)
        written(listening, stream)
        encoded.append(listening.translator.encoded)
    assert encoded == [0, 1, 2, 2, 2, 3]
    say(stream.audio, 320, 0.0, finished=True)
    written(listening, stream)
    assert listening.translator.encoded == 4
    assert listening.translator.tokenizer.decode(stream.text.committed) == "Ab Cd E Gh I Kl"


def test_no_more_is_written_than_people_say_in_that_time(listening):
    """Half a second of speech in three seconds of audio: three words and half of two a second."""
    listening.search.options = SearchOptions(maximum_words_per_second=2.0)
    stream = listening.open_stream(Policy(), GERMAN)
    say(stream.audio, 512, 1.0)
    say(stream.audio, 2500, 0.0, finished=True)
    assert written(listening, stream) == ["Ab Cd E Gh"]


@pytest.mark.parametrize(("character_units", "limit"), [(False, 15), (True, 45)])
def test_what_can_be_said_in_two_seconds(character_units, limit):
    assert SearchOptions().unit_limit(2000, character_units) == limit
