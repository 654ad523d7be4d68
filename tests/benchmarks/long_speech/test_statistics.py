"""Numbers of the report, on streams that fit into a few lines."""

import math

import numpy as np
import pytest

from benchmarks.long_speech import statistics
from benchmarks.long_speech.alignment import Word, align, written_words
from benchmarks.long_speech.stream_files import Segment, Stretch


def words(text, ms=1000.0):
    return [Word(word, ms) for word in text.split()]


def chunk(heard_ms, text="", **more):
    return {"heard_ms": heard_ms, "text": text, **more}


def test_a_word_counts_from_the_chunk_that_begins_it():
    chunks = [chunk(1000, " I think"), chunk(2000), chunk(3000, ", Joey. So"), chunk(4000, "ap ")]
    chunks.append(chunk(5000, "it"))
    found = written_words(chunks, 500)
    assert [(word.text, word.heard_ms) for word in found] == [
        ("I", 1500),
        ("think,", 1500),
        ("Joey.", 3500),
        ("Soap", 3500),
        ("it", 5500),
    ]


def test_errors_belong_to_the_segments_in_which_they_are():
    # One substitution; one deletion, and an insertion behind the last segment.
    found = align(["A b, c.", "good-bye you"], words("a x c good you and"))
    assert found.reference_words.tolist() == [3, 3]
    assert found.errors.tolist() == [1, 2]
    assert found.error_rate == 50.0
    assert found.texts == ["a x c", "good you and"]


def test_signs_alone_stay_with_the_word_before():
    found = align(["a b", "c d"], words("a b - c d"))
    assert found.texts == ["a b -", "c d"]
    assert found.errors.tolist() == [0, 0]


def test_nothing_written_is_all_errors():
    found = align(["a b", "c"], [])
    assert (found.errors.tolist(), found.texts, found.error_rate) == ([2, 1], ["", ""], 100.0)


def test_wer_of_stream_and_segments_differ_by_what_is_more():
    references = ["a b c d", "e f g h"]
    stream, segments = align(references, words("a b c d e f g")), align(references, words("a b c d e f g h"))
    found = statistics.quality("WER", stream, segments, references)
    assert (found["stream"], found["segments"], found["more"]) == (12.5, 0.0, 12.5)
    # Both segments, or one of them twice.
    assert (found["from"], found["to"]) == (0.0, 25.0)


def test_bleu_is_of_lower_cased_texts():
    references = ["Der Hund schläft im Haus.", "Die Katze wacht am Tor."]
    same = align(references, words(" ".join(references).upper()))
    found = statistics.quality("BLEU", same, same, references)
    assert found["stream"] == pytest.approx(100.0)
    assert (found["more"], found["from"], found["to"]) == (0, 0, 0)


def test_lag_counts_from_the_beginning_of_each_segment():
    segments = [Segment("x", 10.0, 4.0, "", {}), Segment("y", 20.0, 4.0, "", {}), Segment("z", 30, 1, "", {})]
    written = [Word("a", 11_000), Word("b", 13_000), Word("c", 26_000)]
    found = align(["a b", "c", "zz"], written)
    # (1000 - 0 + 3000 - 2000) / 2 = 1000; 6000, which is behind the end; nothing was written of the third.
    assert statistics.lag_s(found, segments) == 3.5


def test_costs_at_both_ends():
    costs = [10.0] * 10 + [99.0] * 20 + [12.0] * 10
    chunks = [chunk(1000.0 * (place + 1), cpu_ms=cost) for place, cost in enumerate(costs)]
    found = statistics.both_ends(chunks, 10.0, "cpu_ms")
    expected = {"first_ms": 10.0, "last_ms": 12.0, "ratio": 1.2, "from": 1.2, "to": 1.2}
    assert found == pytest.approx(expected)


def test_costs_by_time():
    chunks = [chunk(250.0 * (place + 1), cpu_ms=float(place)) for place in range(8)]
    chunks[7]["peer"] = 5.0
    assert statistics.cost_by_time(chunks, 1.0, "cpu_ms") == [(1.0, 1.5), (2.0, 5.5)]
    assert statistics.cost_by_time(chunks, 1.0, "peer") == [(2.0, 5.0)]


def test_slope_of_memory_begins_at_the_tenth_minute():
    chunks = [chunk(60_000.0 * m, resident_mib=100.0 + (50 if m < 10 else m - 10)) for m in range(71)]
    chunks.insert(1, chunk(500.0))
    found = statistics.memory(chunks)
    assert found["mib_per_hour"] == pytest.approx(60.0)
    assert (found["start_mib"], found["ten_minutes_mib"], found["end_mib"], found["most_mib"]) == (
        150.0,
        100.0,
        160.0,
        160.0,
    )
    assert math.isnan(statistics.memory(chunks[:5])["mib_per_hour"])


def test_words_within_three_seconds_belong_to_the_speech_before():
    written = [Word("late", 13_000), Word("made", 13_001), Word("up", 20_000), Word("said", 20_001)]
    nobody = [Stretch("babble", 10.0, 10.0), Stretch("pause", 30.0, 2.0)]
    found = statistics.words_where_nobody_speaks(written, nobody)
    assert [[word.text for word in some] for some in found] == [["made", "up"], []]


def test_a_loop_counts_where_nobody_said_it():
    spoken = enumerate(("go on " * 5).split())
    written = [Word(word, 1000.0 * (40 + place)) for place, word in spoken]
    said = Segment("x", 35.0, 10.0, "", {"en": "Go on, please."})
    found = statistics.looping(written, [said], "en")
    assert [begin_s for begin_s, _ in found] == [30.0]
    assert found[0][1] == " ".join(["go on"] * 5)
    honest = Segment("x", 35.0, 10.0, "", {"en": "Go on, go on, go on, go on!"})
    assert statistics.looping(written, [honest], "en") == []
    assert statistics.looping([], [said], "en") == []


def test_alignment_of_hours_takes_seconds():
    draw = np.random.default_rng(0)
    references = [" ".join(f"w{word}" for word in draw.integers(3000, size=40)) for _ in range(450)]
    found = align(references, words(" ".join(references[1:])))
    assert found.errors[0] == 40 and found.errors.sum() == 40
