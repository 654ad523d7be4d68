"""One client's stream: it writes what our SimulEval agent does, and refuses what cannot be right."""

import gc
import re
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from foundation.errors import InputError
from serve.live_stream import LiveStream


def play(stream: LiveStream, samples: np.ndarray, piece_ms: int = 250) -> list[tuple[str, float]]:
    """Each word with the s of audio that had been sent."""
    said, size = [], 16 * piece_ms
    for start in range(0, len(samples), size):
        piece = samples[start : start + size]
        said.append((stream.hear(piece / np.float32(2**15)), (start + len(piece)) / 16_000))
    said.append((stream.end(), len(samples) / 16_000))
    return [(word, at_s) for text, at_s in said for word in text.split()]


def refused(call, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(("name", "piece_ms"), [("caption_1", 250), ("caption_1", 100), ("caption_2", 250)])
def test_words_and_times_are_those_of_the_simuleval_agent(agent, captions, written, name, piece_ms):
    expected = written(captions[name], piece_ms)
    assert play(LiveStream(agent), captions[name], piece_ms) == [
        *zip(expected.words, expected.times_s, strict=True)
    ]
    assert len(expected.words) > 5 and len(set(expected.times_s)) > 2


def test_streams_of_several_languages_at_once_write_what_each_writes_alone(agent, captions, written):
    clip, targets = captions["caption_1"], ["de", "fr"]

    def run(target):
        stream = LiveStream(agent)
        stream.set_language("target", target)
        return [word for word, _ in play(stream, clip)]

    with ThreadPoolExecutor(2) as threads:
        together = [*threads.map(run, targets)]
    assert together == [written(clip, target=target).words for target in targets]
    assert together[1][:2] == ["Une", "femme"]


def test_texts_put_together_are_the_whole_text(agent, captions, written):
    stream = LiveStream(agent)
    samples = captions["caption_1"] / np.float32(2**15)
    texts = [stream.hear(samples[start : start + 4000]) for start in range(0, len(samples), 4000)]
    assert "".join([*texts, stream.end()]) == " ".join(written(captions["caption_1"]).words)


def test_languages_may_have_other_names(agent):
    stream = LiveStream(agent)
    stream.set_language("source", "English")
    stream.set_language("target", "fr-CA")
    stream.hear(np.zeros(4000, np.float32))
    assert stream.languages.pair.target == "fr-CA"


def test_an_unknown_language_refuses_the_audio_too(agent):
    stream = LiveStream(agent)
    message = refused(stream.set_language, "target", "it")
    assert message == "language 'it' is not known to this model. It knows de, fr, en"
    assert refused(stream.hear, np.zeros(4000, np.float32)) == message
    assert refused(stream.hear, np.zeros(4000, np.float32)) == f"this stream has stopped: {message}"


def test_a_known_language_mends_an_unknown_one(agent, captions, written):
    stream = LiveStream(agent)
    refused(stream.set_language, "target", "it")
    stream.set_language("target", "fr")
    words = [word for word, _ in play(stream, captions["caption_2"])]
    assert words == written(captions["caption_2"], target="fr").words


def test_a_pair_is_looked_at_as_a_whole(agent):
    """On the way from en-de to another pair there may be one that the model cannot do."""
    stream = LiveStream(agent)
    stream.set_language("source", "de")
    message = refused(stream.hear, np.zeros(4000, np.float32))
    assert message == "the model writes 'de' but does not understand it: it understands en"
    stream = LiveStream(agent)
    stream.set_language("source", "de")
    stream.set_language("source", "en")
    assert stream.hear(np.zeros(4000, np.float32)) == ""


@pytest.mark.parametrize("language", [None, 7, ["de"]])
def test_a_language_is_a_text(agent, language):
    stream = LiveStream(agent)
    message = refused(stream.set_language, "target", language)
    assert message == f"a language must be a text such as 'de', got {language!r}"


def test_in_mid_stream_the_stream_goes_on_in_its_language(agent, captions, written):
    stream = LiveStream(agent)
    samples = captions["caption_1"]
    said = stream.hear(samples[:24_000] / np.float32(2**15))
    stream.set_language("target", "German")  # it is that
    goes_on = "the stream goes on with 'de' written, and another language needs a new stream"
    assert refused(stream.set_language, "target", "fr") == f"'fr' is asked for in mid-stream: {goes_on}"
    assert refused(stream.set_language, "target", "it").endswith(f"It knows de, fr, en; {goes_on}")
    for start in range(24_000, len(samples), 4000):
        said += stream.hear(samples[start : start + 4000] / np.float32(2**15))
    said += stream.end()
    assert said.split()[:2] == ["Eine", "Frau"]


@pytest.mark.parametrize(
    ("piece", "message"),
    [
        (np.array([0, np.nan], np.float32), "audio must be finite, got nan at sample 1 of the chunk"),
        (np.full(9, 3e4, np.float32), "audio must lie between -1 and 1, got 30000: divide"),
        (np.zeros((2, 2, 2), np.float32), "audio must be (S,) or (S, C), got (2, 2, 2)"),
    ],
)
def test_audio_that_cannot_be_used_stops_its_stream_with_one_message(agent, piece, message):
    stream = LiveStream(agent)
    stream.hear(np.zeros(4000, np.float32))
    said = refused(stream.hear, piece)
    assert said.startswith(message) and "\n" not in said
    for call, arguments in ((stream.hear, [np.zeros(9, np.float32)]), (stream.end, [])):
        assert refused(call, *arguments) == f"this stream has stopped: {said}"


def test_a_step_that_fails_stops_its_stream(agent, captions, monkeypatch):
    stream, samples = LiveStream(agent), captions["caption_1"][:16_000] / np.float32(2**15)

    def fail(streams):
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(agent.engine.engine.translator, "encode_streams", fail)
        with pytest.raises(RuntimeError, match="out of memory"):
            stream.hear(samples)
    assert refused(stream.hear, samples) == "this stream has stopped: out of memory"
    assert LiveStream(agent).hear(samples) == ""


def test_behind_the_end_nothing_is_taken(agent):
    stream = LiveStream(agent)
    stream.hear(np.zeros(4000, np.float32))
    stream.end()
    message = "the stream has ended, yet more is asked of it: begin a new one"
    assert refused(stream.hear, np.zeros(4000, np.float32)) == message
    assert refused(stream.end) == refused(stream.set_language, "target", "fr") == message


def test_a_stream_may_end_before_it_began(agent):
    assert LiveStream(agent).end() == ""


def test_pieces_without_samples_are_no_trouble(agent):
    stream = LiveStream(agent)
    assert stream.hear(np.zeros(0, np.float32)) == stream.hear(np.zeros(4000, np.float32)) == ""
    assert stream.end() == ""


def test_whoever_sends_nothing_for_too_long_is_gone(agent, monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr("serve.live_stream.time.monotonic", lambda: now_s[0])
    stream, late = LiveStream(agent), LiveStream(agent)
    stream.hear(np.zeros(4000, np.float32))
    now_s[0] += 3599
    stream.hear(np.zeros(4000, np.float32))
    late.hear(np.zeros(4000, np.float32))  # a client may take its time to begin
    now_s[0] += 3601
    message = refused(stream.hear, np.zeros(4000, np.float32))
    assert message == "nothing came for 3601 s, more than 3600 s: begin a new stream"
    assert late.end() == ""


@pytest.mark.parametrize("how", ["end", "error"])
def test_the_memory_of_a_stream_returns(agent, how):
    stream = LiveStream(agent)
    stream.hear(np.zeros(16_000, np.float32))
    gone = weakref.ref(stream._stream)
    if how == "end":
        stream.end()
    else:
        refused(stream.hear, np.array([np.inf], np.float32))
    gc.collect()
    assert gone() is None and re.match("(this|the) stream has", stream._over)
