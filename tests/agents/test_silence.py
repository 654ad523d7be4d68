"""The shipped model over sounds in which nobody speaks, and over human speech."""

import numpy as np
import pytest

from agents.engine import StreamingEngine
from agents.local_agreement_agent import LocalAgreementPolicy
from models.decoding.options import SearchOptions
from models.languages import LanguagePair
from models.registry import load_translator
from models.sound.audio import SAMPLE_RATE
from models.sound.speech_activity import SpeechActivityOptions
from models.translator import TranslatorOptions

SECONDS = 3
TIME_S = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
SOUNDS = {
    "silence": 0 * TIME_S,
    "noise": np.random.default_rng(0).normal(0, 0.3, len(TIME_S)),
    "chord": 0.1 * sum(np.sin(2 * np.pi * hertz * TIME_S) for hertz in (131, 165, 196, 262, 330, 392)),
}


@pytest.fixture(scope="module")
def translator():
    return load_translator("reina-mini", TranslatorOptions())


def words(translator, samples, decode_silence):
    speech = SpeechActivityOptions(decode_silence=decode_silence)
    engine = StreamingEngine(translator, SearchOptions(), speech)
    stream = engine.open_stream(LocalAgreementPolicy(2), LanguagePair("en", "de"))
    text = ""
    for start in range(0, len(samples), SAMPLE_RATE):
        chunk = samples[start : start + SAMPLE_RATE].astype(np.float32)
        stream.audio.append(chunk, SAMPLE_RATE, start + SAMPLE_RATE >= len(samples))
        [decision] = engine.step([stream])
        text += decision.text
    return len(text.split())


@pytest.mark.parametrize("sound", SOUNDS)
def test_nothing_is_written_where_nobody_speaks(translator, sound):
    assert words(translator, SOUNDS[sound], decode_silence=False) == 0
    # The model alone would say something.
    assert words(translator, SOUNDS[sound], decode_silence=True) > 0


def test_speech_is_written_as_without_speech_activity(translator, speech):
    assert words(translator, speech, False) == words(translator, speech, True) > 10
