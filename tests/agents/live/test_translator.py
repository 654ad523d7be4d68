"""Live words and times are those of SimulEval's agent, however audio comes; streams share one translator."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soxr

from agents.live.stream import TranslationStream
from foundation.errors import InputError
from tests.agents.live.conftest import CLIPS
from tests.models.sound.recordings import write_recording


def timed(words) -> list[tuple[str, float]]:
    return [(word.text, pytest.approx(word.written_s, abs=5.1e-4)) for word in words]


def alike(words) -> list[tuple]:
    """All of words, scores but for their last digits, which differ with the pieces encoded at once."""
    return [
        (*_but_score(word), None if word.score is None else pytest.approx(word.score, abs=1e-4))
        for word in words
    ]


def exact(words) -> list[tuple]:
    return [(*_but_score(word), word.score) for word in words]


def _but_score(word) -> tuple:
    return word.text, word.written_s, word.heard_s, word.continues


def fed(stream: TranslationStream, samples: np.ndarray, rate: int, sizes: list[int]) -> TranslationStream:
    """In pieces of these sizes, again and again."""
    start, turn = 0, 0
    while start < len(samples):
        stream.feed(samples[start : start + sizes[turn % len(sizes)]], rate)
        start, turn = start + sizes[turn % len(sizes)], turn + 1
    stream.finish()
    return stream


def refused(call, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("name", ["caption_1", "caption_2"])
def test_words_and_times_of_a_file_are_those_of_the_simuleval_agent(live, captions, simuleval_words, name):
    words = list(live.stream(CLIPS / f"{name}.flac"))
    assert timed(words) == simuleval_words(captions[name], 16_000)
    assert len(words) > 5 and len({word.written_s for word in words}) > 2
    for word in words:
        assert 0 < word.heard_s <= word.written_s
        assert not word.continues
    # REINA writes below its threshold; at the end it is not asked.
    assert [word.score is None for word in words if word.written_s < 4] == [False] * sum(
        word.written_s < 4 for word in words
    )
    assert words[-1].score is None


def test_words_and_times_of_resampled_audio_are_those_of_the_simuleval_agent(live, captions, simuleval_words):
    samples = soxr.resample(captions["caption_1"], 16_000, 22_050)
    stream = fed(live.open(), samples, 22_050, [len(samples)])
    expected = simuleval_words(samples, 22_050)
    assert timed(stream.words) == expected
    assert " ".join(word for word, _ in expected).startswith("Eine Frau in einem roten Mantel")


def test_sizes_of_pieces_change_nothing(live, captions):
    clip = captions["caption_1"]
    whole = fed(live.open(), clip, 16_000, [len(clip)]).words
    pieces = fed(live.open(), clip, 16_000, [777, 1, 0, 9_000, 4_000, 16_001]).words
    assert exact(pieces) == alike(whole) and len(whole) > 5


def test_integers_lists_and_channels_are_heard_alike(live, captions):
    clip = np.round(captions["caption_1"][:32_000] * 2**15).astype(np.int16)
    said = fed(live.open(), clip / np.float32(2**15), 16_000, [4_000]).words
    assert len(said) > 1
    assert exact(fed(live.open(), clip, 16_000, [4_000]).words) == alike(said)
    assert exact(fed(live.open(), np.stack([clip, clip], 1), 16_000, [4_000]).words) == alike(said)
    stream = live.open()
    stream.feed(clip.tolist(), 16_000)
    stream.finish()
    assert exact(stream.words) == alike(said)


@pytest.mark.parametrize(("suffix", "codec"), [(".m4a", "aac"), (".webm", "libopus")])
def test_any_container_is_translated(live, captions, tmp_path, suffix, codec):
    path = write_recording(tmp_path / f"talk{suffix}", captions["caption_1"], 16_000, codec)
    words = list(live.stream(path))
    assert [word.text for word in words[:5]] == ["Eine", "Frau", "in", "einem", "roten"]
    assert words[0].written_s < 2.5 and words[-1].written_s == pytest.approx(4.5, abs=0.1)
    assert exact(live.stream(io.BytesIO(path.read_bytes()))) == alike(words)


def test_streams_in_turn_and_in_threads_write_what_each_writes_alone(live, captions):
    clip, targets = captions["caption_1"], ["de", "fr"]
    alone = [fed(live.open(target_language=target), clip, 16_000, [4_000]).words for target in targets]
    assert [word.text for word in alone[1][:2]] == ["Une", "femme"]
    streams = [live.open("en", target) for target in targets]
    for start in range(0, len(clip), 3_000):
        for stream in streams:
            stream.feed(clip[start : start + 3_000], 16_000)
    for stream in streams:
        stream.finish()
    expected = [alike(words) for words in alone]
    assert [exact(stream.words) for stream in streams] == expected
    with ThreadPoolExecutor(2) as threads:
        together = threads.map(
            lambda target: fed(live.open(target_language=target), clip, 16_000, [4_000]).words, targets
        )
    assert [exact(words) for words in together] == expected


def test_new_words_are_returned_once(live, captions):
    stream, clip = live.open(), captions["caption_1"]
    returned = []
    for start in range(0, len(clip), 4_000):
        returned += stream.feed(clip[start : start + 4_000], 16_000)
    returned += stream.finish()
    assert returned == stream.words
    assert stream.heard_s == pytest.approx(4.475)
    assert 0 < stream.compute_s


def test_who_is_behind_decides_once_upon_all_that_has_come(live, captions):
    """Once, and once more, as two decisions must agree."""
    stream, clip = live.open(), captions["caption_1"]
    assert stream.feed(clip[:40_000], 16_000, at_once=True) == []
    words = stream.feed(clip[40_000:48_000], 16_000, at_once=True)
    assert {word.written_s for word in words} == {3.0}


def test_silence_writes_nothing(live):
    stream = live.open()
    assert stream.feed(np.zeros(40_000, np.float32), 16_000) == []
    assert stream.finish() == []


def test_what_cannot_be_used_ends_the_stream_in_one_line(live):
    stream = live.open()
    stream.feed(np.zeros(100, np.float32), 16_000)
    assert "the sample rate changed from 16000 to 8000 Hz" in refused(
        stream.feed, np.zeros(100, np.float32), 8_000
    )
    assert refused(stream.feed, [0.0], 16_000).startswith("this stream has stopped: the sample rate changed")
    assert "audio must be finite" in refused(live.open().feed, [0.0, float("nan")], 16_000)
    assert refused(live.open().feed, 0.5, 16_000) == "audio must be (S,) or (S, C), got ()"
    assert "what is no array" in refused(live.open().feed, [[0.1], [0.1, 0.2]], 16_000)
    assert "the sample rate must be positive, got None" in refused(live.open().feed, [0.0], None)
    assert "samples must be floats" in refused(live.open().feed, ["a", "b"], 16_000)


def test_an_ended_stream_takes_nothing_more(live):
    stream = live.open()
    stream.finish()
    assert refused(stream.feed, [0.0], 16_000) == "the stream has ended: open another one for more audio"
    assert refused(stream.finish) == "the stream has ended: open another one for more audio"


def test_languages_and_files_are_checked_before_the_first_word(live, tmp_path):
    assert "It knows de, fr, en" in refused(live.open, None, "it")
    assert "there is no language ''" in refused(live.open, None, "")
    assert refused(live.open, 5) == "a language must be a text such as 'de', got 5"
    assert "no such file" in refused(live.stream, tmp_path / "none.m4a")
    assert refused(live.stream, None) == "a source is a path or an open binary stream, got None"
    assert "open it in binary mode" in refused(live.stream, io.StringIO("talk"))


def test_two_threads_in_one_stream_are_told(live):
    stream = live.open()
    with stream._one_piece:  # as if another thread fed it now
        assert "two threads feed this stream at once" in refused(stream.feed, [0.0], 16_000)
    assert stream.feed([0.0], 16_000) == []


def test_pacing_takes_as_long_as_speech(live, captions):
    import time

    began_s = time.monotonic()
    words = list(live.stream(CLIPS / "caption_1.flac", realtime=True))
    assert time.monotonic() - began_s >= 4.4
    assert exact(words) == alike(live.stream(CLIPS / "caption_1.flac"))
