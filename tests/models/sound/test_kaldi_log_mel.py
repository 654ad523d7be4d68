"""Features of Kaldi's kind equal those of transformers, however the audio is cut."""

import numpy as np
import pytest
import torch

from models.sound.kaldi_log_mel import KaldiLogMelStream, kaldi_filters
from tests.models.sound.test_log_mel import speech_like

transformers = pytest.importorskip("transformers")
EXTRACTOR = transformers.Phi4MultimodalFeatureExtractor()


def reference(samples: torch.Tensor) -> torch.Tensor:
    """(M, F)"""
    found = EXTRACTOR(samples.numpy(), sampling_rate=16_000, return_tensors="pt")
    return found["audio_input_features"][0].T


def test_filters_equal_those_of_transformers():
    assert np.abs(kaldi_filters(80).numpy().T - EXTRACTOR.mel_filters).max() < 1e-6


@pytest.mark.parametrize("samples", [400, 559, 560, 8_000, 32_123])
def test_whole_windows_equal_those_of_transformers(samples):
    heard = speech_like(3.0)[:samples]
    stream = KaldiLogMelStream(80)
    stream.append(heard)
    expected = reference(heard)
    assert stream.frames_heard == stream.frames_final == expected.shape[1]
    assert (stream.features(stream.frames_heard) - expected).abs().max() < 1e-4


def test_chunks_of_any_length_and_silence_behind():
    heard = speech_like(1.0)
    stream = KaldiLogMelStream(80)
    for first in range(0, len(heard), 777):
        stream.append(heard[first : first + 777])
        now = heard[: first + 777]
        frames = stream.frames_heard + 5
        expected = reference(torch.nn.functional.pad(now, (0, 4_000)))
        assert (stream.features(frames) - expected[:, :frames]).abs().max() < 1e-4


def test_less_than_a_window_is_one_frame():
    stream = KaldiLogMelStream(80)
    assert stream.frames_heard == 0
    stream.append(speech_like(0.01))
    assert (stream.frames_heard, stream.frames_final) == (1, 0)
    expected = reference(torch.nn.functional.pad(speech_like(0.01), (0, 240)))
    assert (stream.features(1) - expected).abs().max() < 1e-4


def test_a_stream_that_forgot_audio_is_a_fresh_one():
    heard = speech_like(1.0)
    stream = KaldiLogMelStream(80)
    stream.append(heard)
    assert stream.drop_before(333) == 330
    fresh = KaldiLogMelStream(80)
    fresh.append(heard[33 * 160 :])
    assert stream.frames_heard == fresh.frames_heard
    assert torch.equal(stream.features(90), fresh.features(90))
    assert stream.duration_ms == 670
