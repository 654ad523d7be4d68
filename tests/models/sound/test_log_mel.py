"""The features equal Whisper's, however the audio is cut."""

import numpy as np
import pytest
import torch

import models.sound.log_mel as log_mel
from foundation.errors import InputError
from models.sound.log_mel import LogMelStream, log_mel_spectrogram, mel_filters

transformers = pytest.importorskip("transformers")

TOLERANCE = 1e-4


def whisper_features(samples: torch.Tensor, mel_bins: int) -> torch.Tensor:
    """(M, 3000): what transformers computes on the 30 s window."""
    extractor = transformers.WhisperFeatureExtractor(feature_size=mel_bins)
    features = extractor(samples.numpy(), sampling_rate=16_000, return_tensors="pt").input_features
    return features[0]


def speech_like(seconds: float, seed: int = 0) -> torch.Tensor:
    """(S,): decaying noise bursts over a gliding tone, so that loud, quiet and tonal parts all occur."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(round(seconds * 16_000)) / 16_000
    noise = torch.randn(len(time), generator=generator) * 0.2 * torch.exp(-4 * (time % 0.7))
    return noise + 0.3 * torch.sin(2 * torch.pi * (150 + 40 * time) * time)


def maximum_error(a: torch.Tensor, b: torch.Tensor) -> float:
    assert a.shape == b.shape
    return (a - b).abs().max().item()


@pytest.mark.parametrize("mel_bins", [80, 128])
def test_filters_equal_transformers(mel_bins):
    expected = transformers.WhisperFeatureExtractor(feature_size=mel_bins).mel_filters.T
    assert np.abs(mel_filters(mel_bins).numpy() - expected).max() < 1e-7


@pytest.mark.parametrize("mel_bins", [80, 128])
@pytest.mark.parametrize("seconds", [0.5, 3.21, 12.3456, 29.99])
def test_features_equal_transformers_padded_and_unpadded(seconds, mel_bins):
    samples = speech_like(seconds)
    expected = whisper_features(samples, mel_bins)
    assert maximum_error(log_mel_spectrogram(samples, mel_bins, padded_frames=3000), expected) < TOLERANCE
    unpadded = log_mel_spectrogram(samples, mel_bins)
    assert unpadded.shape[1] == -(-len(samples) // 160)
    assert maximum_error(unpadded, expected[:, : unpadded.shape[1]]) < TOLERANCE


@pytest.mark.parametrize("length", [1, 2, 100, 159, 160, 161, 199, 200, 201, 202, 320, 359, 360, 361, 1000])
def test_very_short_audio_equals_transformers(length):
    samples = speech_like(0.1)[:length]
    expected = whisper_features(samples, 80)
    assert maximum_error(log_mel_spectrogram(samples, padded_frames=3000), expected) < TOLERANCE
    assert maximum_error(log_mel_spectrogram(samples), expected[:, : -(-length // 160)]) < TOLERANCE


def test_the_loudest_frame_may_lie_just_beyond_the_audio():
    samples = speech_like(1.0)[:1601] * 1e-3
    samples[-1] = 1.0
    assert maximum_error(log_mel_spectrogram(samples), whisper_features(samples, 80)[:, :11]) < TOLERANCE


def test_audio_that_fills_the_window_differs_from_transformers_in_the_last_frame_only():
    samples = speech_like(30.0)
    expected = whisper_features(samples, 80)
    assert maximum_error(log_mel_spectrogram(samples)[:, :-1], expected[:, :-1]) < TOLERANCE


@pytest.mark.parametrize("chunk", [1, 37, 160, 4000, "random", 10**9])
def test_chunks_give_what_the_whole_gives(chunk):
    samples = speech_like(1.5 if chunk in (1, 37) else 4.0)
    generator = np.random.default_rng(1)
    stream = LogMelStream(80)
    while stream.samples_heard < len(samples):
        size = int(generator.integers(0, 3000)) if chunk == "random" else chunk
        start = stream.samples_heard
        stream.append(samples[start : start + size].numpy())
        if chunk != 1 or start % 97 == 0:
            heard = log_mel_spectrogram(samples[: stream.samples_heard])
            assert torch.allclose(stream.features(), heard, rtol=0, atol=1e-5)
    assert maximum_error(stream.features(3000), log_mel_spectrogram(samples, padded_frames=3000)) < 1e-5
    assert maximum_error(stream.features(3000), whisper_features(samples, 80)) < TOLERANCE


@pytest.mark.parametrize("length", [1, 5000])
def test_silence_is_flat(length):
    assert torch.equal(
        log_mel_spectrogram(torch.zeros(length), padded_frames=3000), torch.full((80, 3000), -1.5)
    )


def test_no_audio_has_no_frames():
    stream = LogMelStream(80)
    stream.append(np.zeros(0, np.float32))
    assert stream.features().shape == (80, 0)
    assert torch.equal(stream.features(3000), torch.full((80, 3000), -1.5))


def test_a_stream_reports_what_it_has_heard():
    stream = LogMelStream(80)
    stream.append(torch.zeros(161))
    assert (stream.samples_heard, stream.frames_heard, stream.duration_ms) == (161, 2, 10.0625)


def test_returned_features_do_not_change_later():
    samples = speech_like(2.0)
    stream = LogMelStream(80)
    stream.append(samples[:16_000])
    features = stream.features()
    copy = features.clone()
    stream.append(samples[16_000:] * 10)
    assert torch.equal(features, copy)


def test_cost_of_a_chunk_does_not_grow_with_the_stream(monkeypatch):
    counts = []
    compute = log_mel.log_mel_windows

    def counting(windows, filters):
        counts[-1] += len(windows)
        return compute(windows, filters)

    monkeypatch.setattr(log_mel, "log_mel_windows", counting)
    stream = LogMelStream(80)
    for _ in range(400):
        counts.append(0)
        stream.append(torch.randn(4000) * 0.1)
        stream.features()
    assert max(counts) <= 4000 // 160 + 5
    assert len(stream._pending(len(stream._final.rows))) < 400
    assert len(stream._final._room) <= 2 * stream.frames_heard


@pytest.mark.parametrize("dropped_ms", [10, 995, 1000.0, 2990, 3000, 4000])
@pytest.mark.parametrize("later", [0, 37, 5000])
def test_a_stream_that_forgets_is_a_fresh_stream_of_the_rest(dropped_ms, later):
    """The loudest audio is forgotten with the rest, so that quieter values are clamped no longer."""
    generator = torch.Generator().manual_seed(0)
    samples = torch.randn(48_000, generator=generator) * torch.linspace(1, 1e-4, 48_000)
    more = 1e-4 * torch.randn(later, generator=generator)
    stream, fresh = LogMelStream(80), LogMelStream(80)
    for start in range(0, 48_000, 7_000):
        stream.append(samples[start : start + 7_000])
    dropped = stream.drop_before(dropped_ms)
    assert dropped == min(10 * (dropped_ms // 10), 3000)
    stream.append(more)
    fresh.append(torch.cat([samples[int(16 * dropped) :], more]))
    assert stream.frames_heard == fresh.frames_heard and stream.duration_ms == fresh.duration_ms
    assert torch.allclose(stream.features(), fresh.features(), atol=1e-5)
    assert torch.allclose(stream.features(700), fresh.features(700), atol=1e-5)


def test_forgetting_again_and_again_keeps_memory_bounded():
    stream = LogMelStream(80)
    for _ in range(200):
        stream.append(torch.randn(4000))
        stream.drop_before(stream.duration_ms - 1000)
    assert stream.duration_ms == 1000
    assert len(stream._samples._room) <= 48_000 and len(stream._final._room) <= 300


def test_audio_beyond_the_window_is_refused():
    with pytest.raises(InputError, match="0.20 s long.*at most 0.1 s"):
        log_mel_spectrogram(torch.zeros(3200), padded_frames=10)


def test_stereo_is_refused():
    with pytest.raises(ValueError, match="down-mix"):
        LogMelStream(80).append(torch.zeros(2, 100))
