"""Streams without end, over a translator that reads what its audio spells: what is said is written."""

import numpy as np
import pytest

from agents.alignatt_agent import AlignAttPolicy
from agents.engine import StreamingEngine
from agents.history import HistoryOptions
from agents.holdn_agent import HoldNPolicy
from agents.local_agreement_agent import LocalAgreementPolicy
from agents.offline_agent import OfflinePolicy
from agents.policy import Policy
from agents.waitk_agent import WaitKPolicy
from foundation.errors import InputError
from models.decoding.options import SearchOptions
from models.languages import LanguagePair
from models.sound.audio import SAMPLE_RATE
from models.sound.speech_activity import SpeechActivityOptions
from tests.agents.test_engine import GERMAN, Spoken
from tests.models.spelling_translator import SpellingTranslator, spelled

WORDS = ["Ab", "Cd", "E", "Gh", "Ij", "Kl", "I", "Gb"]
POLICIES = [
    Policy(),
    OfflinePolicy(),
    WaitKPolicy(k=2, step_ms=200),
    HoldNPolicy(3),
    LocalAgreementPolicy(2),
    AlignAttPolicy(4),
]


def sentences(count: int, seed: int = 0) -> list[str]:
    """Each of 3 to 9 words and a dot, no two words alike in a row."""
    draw = np.random.default_rng(seed)
    return [
        "".join(WORDS[at] for at in draw.permutation(8)[: draw.integers(3, 9)]) + "." for _ in range(count)
    ]


def spaced(text: str) -> str:
    """As it is written: a space before each word."""
    return "".join(" " + letter if letter.isupper() else letter for letter in text).strip()


@pytest.fixture
def listening(monkeypatch):
    """Makes an engine that hears speech in letters; a pause is 150 ms, the model hears 3 s at most.

    150 ms are no whole number of the frames that are looked at for speech.
    """
    monkeypatch.setattr("models.sound.speech_activity.load_speech_network", Spoken)
    speech = SpeechActivityOptions(least_speech_ms=32, pause_ms=150)
    search = SearchOptions(
        maximum_words_per_second=1000, maximum_tokens_per_second=100, repeated_phrase=0, blocked_ngram=0
    )

    def make(decode_silence=False, maximum_audio_ms=3000.0, **options):
        options = HistoryOptions(**options)
        translator = SpellingTranslator(maximum_audio_ms)
        return StreamingEngine(translator, search, None if decode_silence else speech, options)

    return make


def play(engine, policy, audio, chunk_ms=300, languages=GERMAN):
    """All that is written, and how long the window was after each chunk, in ms."""
    stream = engine.open_stream(policy, languages)
    text, windows_ms = "", []
    size = chunk_ms * SAMPLE_RATE // 1000
    for start in range(0, len(audio), size):
        stream.audio.append(audio[start : start + size], SAMPLE_RATE, start + size >= len(audio))
        [decision] = engine.step([stream])
        assert decision.error is None
        text += decision.text
        windows_ms.append(stream.audio.window_ms)
    return text, windows_ms


@pytest.mark.parametrize("chunk_ms", [100, 300, 1700, 60_000])
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
def test_pauses_end_utterances_and_nothing_is_lost_or_said_twice(policy, chunk_ms, listening):
    said = sentences(8)
    audio = spelled("   ".join(["", *said, ""]))
    engine = listening(history="pauses")
    text, windows_ms = play(engine, policy, audio, chunk_ms)
    assert text.strip() == " ".join(map(spaced, said))
    assert max(windows_ms) <= 3000 and windows_ms[-1] == 0


@pytest.mark.parametrize("chunk_ms", [1, 7, 20, 32, 500])
def test_a_pause_is_found_wherever_a_chunk_ends(chunk_ms, listening):
    """Also where the chunk ends between the pause's end and the end of the frame in which that lies."""
    audio, written = spelled("AbCdE." + 10 * " "), []
    engine = listening(history="pauses")
    stream = engine.open_stream(OfflinePolicy(), GERMAN)
    for start in range(0, len(audio), 16 * chunk_ms):
        stream.audio.append(audio[start : start + 16 * chunk_ms], SAMPLE_RATE)
        [decision] = engine.step([stream])
        if decision.text:
            written.append((decision.text, decision.heard_ms))
    [(text, heard_ms)] = written
    assert text == "Ab Cd E." and 600 + 150 - 32 <= heard_ms <= 600 + 150 + 64 + chunk_ms
    assert stream.audio.window_ms == 0


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_pauses_chunks_and_windows_what_is_said_is_written(seed, listening):
    draw = np.random.default_rng(seed)
    said = sentences(10, seed)
    gaps = [" " * draw.choice([0, 0, 1, 3, 8]) for _ in said]
    audio = spelled("".join(sentence + gap for sentence, gap in zip(said, gaps, strict=True)))
    engine = listening(
        history=draw.choice([None, "pauses", "attention"]),
        window_s=draw.choice([None, 1.7, 2.3]),
        kept_words=draw.choice([None, 4]),
    )
    chunk_ms = int(draw.choice([37, 130, 480, 999, 5000]))
    text, windows_ms = play(engine, POLICIES[draw.integers(len(POLICIES))], audio, chunk_ms)
    assert text.split() == " ".join(map(spaced, said)).split()
    assert max(windows_ms) <= 3000


@pytest.mark.parametrize("history", [None, "pauses", "attention"])
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
def test_a_window_that_fills_up_is_cut_and_nothing_is_lost_or_said_twice(policy, history, listening):
    """Twenty seconds without a pause, where the model hears three."""
    said = "".join(sentences(20)).replace(".", "")
    engine = listening(history=history)
    text, windows_ms = play(engine, policy, spelled(said))
    assert text.strip() == spaced(said)
    assert engine.translator.longest_ms <= 3000
    assert max(windows_ms) <= 3000


@pytest.mark.parametrize("history", [None, "attention"])
@pytest.mark.parametrize("decode_silence", [False, True])
def test_a_window_full_of_silence_holds_nothing_back(history, decode_silence, listening):
    """Of a policy that never lets the stream be decoded before an end."""
    engine = listening(decode_silence, history=history)
    text, _ = play(engine, OfflinePolicy(), spelled("AbCd" + 40 * " " + "EGh"))
    assert text.strip() == "Ab Cd E Gh"


def test_a_cut_that_lets_the_end_of_an_utterance_in_loses_nothing(listening):
    text, _ = play(
        listening(history="pauses"), Policy(), spelled("AbCdEGhIjKlIAbCdEGhIjKlIAbCd.     EGh.    ")
    )
    assert text.strip() == "Ab Cd E Gh Ij Kl I Ab Cd E Gh Ij Kl I Ab Cd. E Gh."


def test_a_model_that_needs_much_silence_behind_has_a_shorter_window_from_the_first_cut_on(listening):
    engine = listening()
    engine.translator.silence_ms = 1000
    engine.history = type(engine.history)(engine.translator, engine.history.options, engine.speech)
    said = "".join(sentences(8)).replace(".", "")
    text, windows_ms = play(engine, LocalAgreementPolicy(2), spelled(said))
    assert text.strip() == spaced(said)
    assert max(windows_ms[12:]) <= 2000


@pytest.mark.parametrize("kept_words", [None, 3])
@pytest.mark.parametrize("decode_silence", [False, True])
def test_attention_forgets_old_text_with_its_audio(kept_words, decode_silence, listening):
    said = "".join(sentences(20))
    engine = listening(decode_silence, history="attention", kept_words=kept_words)
    text, windows_ms = play(engine, AlignAttPolicy(4), spelled(said))
    assert text.strip() == spaced(said)
    # A sentence has up to 17 letters, three words up to 6, and a chunk of 300 ms has come since the decision.
    assert max(windows_ms) <= (1800 if kept_words is None else 1200) + 300


def test_short_audio_is_not_cut_unless_that_is_asked_for(listening):
    """Two sentences with a pause between fit into the window: by default they are one utterance."""
    audio = spelled("AbCd.   EGh.")
    engine = listening()
    text, windows_ms = play(engine, Policy(), audio)
    assert (text.strip(), windows_ms[-1]) == ("Ab Cd. E Gh.", 1200.0)


def test_by_default_pauses_cut_once_the_window_has_been_full(listening):
    said = sentences(8)
    _, windows_ms = play(listening(), LocalAgreementPolicy(2), spelled("   ".join(said)))
    full = next(at for at, one in enumerate(windows_ms) if one > 2700)
    assert windows_ms[:full] == [300.0 * (at + 1) for at in range(full)]
    assert 0 in windows_ms[full:-1]


def test_models_that_know_a_context_are_told_the_newest_words_of_earlier_utterances(listening):
    engine = listening(history="pauses", context_words=2)
    told = []
    engine.translator.tokenizer.context_prompt = lambda context: told.append(list(context)) or []
    play(engine, Policy(), spelled("AbCdE.   Gh.   IKl."))
    told = [context for context in told if context]
    assert told[:2] == [[3, 4, 5, 13], [5, 13, 7, 8, 13]]  # "Cd E." and "E. Gh."


def test_long_silence_costs_nothing_and_leaves_no_window(listening):
    engine = listening(history="pauses")
    audio = np.concatenate([spelled("AbCd."), np.zeros(60 * SAMPLE_RATE, np.float32), spelled("EGh.")])
    text, _ = play(engine, LocalAgreementPolicy(2), audio)
    assert text.strip() == "Ab Cd. E Gh."
    assert engine.translator.encoded <= 10
    assert engine.translator.longest_ms <= 500 + 150 + 300


def test_wait_k_begins_anew_with_each_utterance(listening):
    """Its k steps are those of the utterance, not of the hour before."""
    engine = listening(history="pauses")
    stream = engine.open_stream(WaitKPolicy(k=3, step_ms=400), GERMAN)
    audio = spelled("AbCdEGhIjKl." + 20 * " " + "AbCdEGhIjKl.")
    written = []
    for start in range(0, len(audio), 1600):
        stream.audio.append(audio[start : start + 1600], SAMPLE_RATE)
        written.append(engine.step([stream])[0].text.strip())
    first = [at for at, text in enumerate(written) if text][0]
    second = [at for at, text in enumerate(written) if text and at > 30][0]
    assert (first, second - 32) == (11, 9)  # 200 ms before its first letter belong to the second


def test_streams_with_a_history_do_not_depend_on_the_streams_beside_them(listening):
    said = ["".join(sentences(6, seed)) for seed in range(len(POLICIES))]
    alone = [
        play(listening(history="attention"), policy, spelled(text))[0]
        for policy, text in zip(POLICIES, said, strict=True)
    ]
    engine = listening(history="attention")
    streams = [engine.open_stream(policy, GERMAN) for policy in POLICIES]
    audio = [spelled(text) for text in said]
    together = [""] * len(streams)
    for start in range(0, max(map(len, audio)), 4800):
        live = [at for at, one in enumerate(audio) if start < len(one)]
        for at in live:
            end = start + 4800
            streams[at].audio.append(audio[at][start:end], SAMPLE_RATE, end >= len(audio[at]))
        for at, decision in zip(live, engine.step([streams[at] for at in live]), strict=True):
            together[at] += decision.text
    assert together == alone


def test_shared_audio_is_cut_at_pauses_but_not_by_the_text_of_one_stream(listening):
    engine = listening(history="pauses")
    first = engine.open_stream(Policy(), GERMAN)
    second = engine.open_stream(LocalAgreementPolicy(2), GERMAN, first.audio)
    texts = ["", ""]
    audio = spelled("AbCd.   EGh.   ")
    for start in range(0, len(audio), 4800):
        first.audio.append(audio[start : start + 4800], SAMPLE_RATE, start + 4800 >= len(audio))
        decisions = engine.step([first, second])
        texts = [text + decision.text for text, decision in zip(texts, decisions, strict=True)]
    assert [text.strip() for text in texts] == ["Ab Cd. E Gh."] * 2

    shared = engine.open_audio()
    streams = [engine.open_stream(policy, GERMAN, shared) for policy in (Policy(), Policy())]
    shared.append(spelled("".join(sentences(20)).replace(".", "")), SAMPLE_RATE)
    assert all("HeardAudio of its own" in str(one.error) for one in engine.step(streams))


def test_without_a_history_longer_audio_is_refused(listening):
    engine = listening(history="none")
    stream = engine.open_stream(Policy(), GERMAN)
    stream.audio.append(spelled("".join(sentences(8))), SAMPLE_RATE)
    [decision] = engine.step([stream])
    assert "longer than the model's window of 3 s" in str(decision.error)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"history": "pauses", "decode_silence": True}, "must hear where nobody speaks"),
        ({"window_s": 4.0}, "window_s 4 is longer than the model's window of 3 s"),
        ({"history": "pauses", "utterance_pause_ms": 100}, "must not be shorter than pause_ms 150"),
    ],
)
def test_what_does_not_go_together_is_refused(options, message, listening):
    with pytest.raises(InputError, match=message):
        listening(**options)


def test_a_language_pair_stays_with_its_stream_behind_a_pause(listening):
    engine = listening(history="pauses")
    text, _ = play(engine, Policy(), spelled("AbCd.   EGh."), languages=LanguagePair("en", "zh"))
    assert text == "Ab Cd. E Gh.".replace(". ", ".")
