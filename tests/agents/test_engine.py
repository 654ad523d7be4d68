"""The loop that all policies share, over a translator whose every probability is known."""

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
from agents.waitk_agent import WaitKPolicy
from models.decoding.options import SearchOptions
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


def test_decisions_are_due_after_each_chunk_and_at_the_end():
    audio = HeardAudio(engine().translator.open_stream)
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
    audio = HeardAudio(engine().translator.open_stream)
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
