"""Canary's features: piece by piece as at once, forgotten audio, silence, and the shortest streams."""

import math

import numpy as np
import pytest
import torch

from models.canary.features import CanaryFrontEnd, CanaryStream


def noise(samples, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32))


def stream_of(samples, pieces=()):
    stream = CanaryStream(20)
    for piece in torch.tensor_split(samples, pieces):
        stream.append(piece)
    return stream


def brute_force(samples):
    """(20, F) in float64, straight from the definition."""
    x = samples.double()
    x = torch.cat([x[:1], x[1:] - 0.97 * x[:-1]])
    x = torch.cat([torch.zeros(200), x, torch.zeros(600)])
    hann = 0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(400) / 399)
    frequencies = torch.arange(257)
    basis = torch.exp(-2j * math.pi * torch.outer(torch.arange(400).double(), frequencies) / 512)
    filters = CanaryStream(20).filters.double()
    rows = [
        torch.log(filters @ ((x[160 * f : 160 * f + 400] * hann).cdouble() @ basis).abs() ** 2 + 2**-24)
        for f in range(len(samples) // 160)
    ]
    values = torch.stack(rows, dim=1)
    return (values - values.mean(1, keepdim=True)) / (values.std(1, keepdim=True) + 1e-5)


@pytest.mark.parametrize("samples", [320, 1_000, 4_799, 4_840])
def test_features_are_those_of_the_definition(samples):
    audio = noise(samples)
    torch.testing.assert_close(stream_of(audio).features().double(), brute_force(audio), atol=2e-4, rtol=0)


@pytest.mark.parametrize("pieces", [[1], [150, 199, 200, 201, 360], [3_000, 3_001], range(160, 8_000, 160)])
def test_piece_by_piece_as_at_once(pieces):
    audio = noise(8_123)
    whole = stream_of(audio)
    stream = CanaryStream(20)
    for piece in torch.tensor_split(audio, list(pieces)):
        stream.append(piece)
        stream.features()  # leaves no trace
    torch.testing.assert_close(stream.features(), whole.features(), atol=1e-5, rtol=0)


def test_final_frames_are_computed_once():
    audio = noise(16_000)
    stream = stream_of(audio[:8_000])
    before = stream._final.rows.clone()
    stream.append(audio[8_000:])
    assert torch.equal(stream._final.rows[: len(before)], before) and len(before) == 49


@pytest.mark.parametrize("kept", [16_000, 8_005, 399, 200, 159, 1])
def test_after_forgetting_a_stream_is_as_fresh(kept):
    audio = noise(16_160)
    stream = stream_of(audio)
    dropped_ms = stream.drop_before((16_160 - kept) / 16)
    frames = (16_160 - kept) // 160
    assert dropped_ms == 10 * frames and stream.samples_heard == 16_160 - 160 * frames
    fresh = stream_of(audio[160 * frames :])
    torch.testing.assert_close(stream.features(), fresh.features(), atol=1e-5, rtol=0)
    for one in (stream, fresh):
        one.append(noise(5_000, 1))
    torch.testing.assert_close(stream.features(), fresh.features(), atol=1e-5, rtol=0)


def test_forgetting_less_than_a_frame_forgets_nothing():
    stream = stream_of(noise(1_000))
    assert stream.drop_before(9.9) == 0 and stream.samples_heard == 1_000


@pytest.mark.parametrize("silence", [160, 3_333])
def test_silence_behind_is_audio_of_zeros(silence):
    audio = noise(5_000)
    expected = stream_of(torch.cat([audio, torch.zeros(silence)])).features()
    torch.testing.assert_close(stream_of(audio).features(silence), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("samples, frames", [(0, 0), (1, 1), (159, 1), (160, 1), (319, 1), (320, 2)])
def test_frames_of_short_streams(samples, frames):
    stream = stream_of(noise(samples))
    assert stream.frames_heard == frames
    if frames:
        features = stream.features()
        assert features.shape == (20, frames) and features.isfinite().all()


def test_one_frame_has_no_deviation():
    assert not stream_of(noise(200)).features().any()


def test_samples_must_be_down_mixed():
    with pytest.raises(ValueError, match="down-mix first"):
        CanaryStream(20).append(np.zeros((2, 100), np.float32))


def test_frames_of_80_ms():
    front_end = CanaryFrontEnd(20, 3)
    assert front_end.frame_ms == 80.0
    assert [front_end.memory_frames(length) for length in (1, 8, 9, 16, 17)] == [1, 1, 2, 2, 3]
    assert front_end.features(noise(16_000)).shape == (20, 100)
