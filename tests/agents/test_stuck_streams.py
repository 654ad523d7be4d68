"""A stream whose prefix leads its model astray: by attention it forgets all but its last word and goes on."""

import pytest
import torch

from agents.history import History
from agents.policy import Policy
from models.sound.audio import SAMPLE_RATE
from tests.agents.test_engine import GERMAN
from tests.agents.test_history import WORDS, listening, spaced  # noqa: F401  a fixture
from tests.models.spelling_translator import spelled

SAID = "".join(WORDS * 3)


class Stuck(Policy):
    """Writes a third word only where no more than one stands before it."""

    def units_allowed(self, stream):
        return None if stream.units_written < 2 else 1

    def commit(self, hypothesis, stream):
        return len(hypothesis.tokens) if stream.units_written < 2 else 0


def written_by_a_stuck_stream(engine):
    """What is written, with the time of the audio that had been heard, in ms."""
    stream = engine.open_stream(Stuck(), GERMAN)
    audio, written = spelled(SAID), []
    for start in range(0, len(audio), 4800):
        stream.audio.append(audio[start : start + 4800], SAMPLE_RATE, start + 4800 >= len(audio))
        [decision] = engine.step([stream])
        assert decision.error is None
        if decision.text:
            written.append((decision.heard_ms, decision.text))
    return written


@pytest.fixture
def engine(listening, monkeypatch):  # noqa: F811
    """By attention, where a second and a half without a word is long."""
    monkeypatch.setattr("agents.history.STUCK_MS", 1500)
    return listening(history="attention", maximum_audio_ms=30_000.0)


def test_of_the_text_of_a_stream_that_is_stuck_the_last_word_stays(engine):
    written = written_by_a_stuck_stream(engine)
    assert "".join(text for _, text in written).split() == spaced(SAID).split()
    assert [heard_ms for heard_ms, _ in written] == [300, 600, 2400, 4200]


def test_audio_that_was_heard_after_the_newest_word_stays_wherever_attention_wanders(engine, monkeypatch):
    def newest_frame(decoder, memory, place, prompt, tokens):
        return torch.full((len(tokens),), int(memory.heard_frames[place]) - 1)

    cuts = []
    monkeypatch.setattr("agents.history.attended_frames", newest_frame)
    monkeypatch.setattr(History, "_cut", lambda *words: cuts.append(words[-1]))
    written = written_by_a_stuck_stream(engine)
    assert [heard_ms for heard_ms, _ in written[:2]] == [300, 600]
    assert cuts and set(cuts) == {600}
