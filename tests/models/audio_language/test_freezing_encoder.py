"""Frames of Qwen2-Audio that are frozen, against the rule by brute force, which encodes everything anew."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from foundation.errors import InputError
from models.audio_language.model import AudioLanguageModel
from models.translator import TranslatorOptions
from tests.models.encoded_streams import CLOSE, listened, listening, load, noise
from tests.models.tiny_qwen2_audio import WINDOW_S, write_tiny_qwen2_audio


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_qwen2_audio(tmp_path_factory.mktemp("models") / "tiny")


def frozen_by_hand(translator, waveform, frozen_after_s):
    """Frames (T, D): at each full second all are encoded, with old keys, values and results put back."""
    model = translator.model
    tower = model.encoder
    keys, values = [None] * len(tower.layers), [None] * len(tower.layers)
    frozen, final = 0, None
    seconds = len(waveform) / 16_000
    for now in [*range(1, math.ceil(seconds)), seconds]:
        stream = model.features([waveform[: round(16_000 * now)]])
        x = F.gelu(tower.conv2(F.gelu(tower.conv1(stream.values))))[0].T
        count = (int(stream.lengths[0]) + 1) // 2
        x = x[:count] + tower.embed_positions.weight[:count]
        for layer, block in enumerate(tower.layers):
            attention, normed = block.self_attn, block.self_attn_layer_norm(x)
            for held, new in ((keys, attention.k_proj(normed)), (values, attention.v_proj(normed))):
                held[layer] = new if frozen == 0 else torch.cat([held[layer][:frozen], new[frozen:]])
            split = [
                some.unflatten(-1, (attention.num_heads, -1)).transpose(0, 1)
                for some in (attention.q_proj(normed), keys[layer], values[layer])
            ]
            weights = (split[0] @ split[1].transpose(-1, -2) / split[0].shape[-1] ** 0.5).softmax(-1)
            x = x + attention.out_proj((weights @ split[2]).transpose(0, 1).flatten(1))
            x = x + block.fc2(F.gelu(block.fc1(block.final_layer_norm(x))))
        pairs = x[: count // 2 * 2].unflatten(0, (-1, 2)).mean(1)
        new = model.adapter(tower.layer_norm(pairs))
        final = new if final is None else torch.cat([final[: frozen // 2], new[frozen // 2 :]])
        if now == int(now):
            frozen = max(0, int(1e-6 + 50 * (now - frozen_after_s)) // 2 * 2)
    return final, frozen


# 0.57 s: of an odd number of old frames of 20 ms the last is not frozen, as it has no partner.
@pytest.mark.parametrize("frozen_after_s, frozen", [(1.5, 124), (0.57, 170)])
@pytest.mark.parametrize("seconds", [4.73, 4.0])
def test_frozen_frames_keep_their_keys_in_every_layer(folder, seconds, frozen_after_s, frozen):
    translator = load(folder, frozen_after_s=frozen_after_s)
    waveform = noise(seconds)
    with torch.inference_mode():
        expected, frozen_there = frozen_by_hand(translator, waveform, frozen_after_s)
        memory = listened(translator, [waveform])
        assert torch.allclose(memory.frames[0], expected, **CLOSE)
        assert memory.final[0].count == frozen_there // 2 == frozen // 2
        plain = load(folder).encode([waveform]).frames[0]
    # It is an approximation, and the newest frames hear old ones that are a little out of date.
    assert not torch.allclose(plain, expected, **CLOSE)


@pytest.mark.parametrize("options", [{}, {"trailing_silence_ms": 700}])
def test_before_anything_is_frozen_results_are_exact(folder, options):
    """Odd and even numbers of frames, the shortest audio, and a full window."""
    exact, freezing = load(folder, **options), load(folder, frozen_after_s=30, **options)
    for seconds in (0.0005, 0.03, 0.9, 2.005, 2.01, 5.5, WINDOW_S):
        one, other = (listened(translator, [noise(seconds)]) for translator in (exact, freezing))
        assert torch.allclose(one.frames, other.frames, **CLOSE)
        for name in ("lengths", "heard_frames", "end_ms"):
            assert torch.equal(getattr(one, name), getattr(other, name))
        assert one.final is None and other.final[0].count == 0


def test_by_default_all_is_encoded_again(folder):
    waveform = noise(4.0)
    pieces = np.split(waveform, 8)
    translator = load(folder)
    grown = listening(translator, pieces)
    assert grown.final is None
    assert torch.allclose(grown.frames, translator.encode([waveform]).frames, **CLOSE)


def test_whole_audio_is_encoded_exactly(folder):
    waveform = noise(5.0)
    one, other = (load(folder, **options).encode([waveform]) for options in ({}, {"frozen_after_s": 0.5}))
    assert torch.allclose(one.frames, other.frames, **CLOSE)


@pytest.mark.parametrize("samples", [1000, 4000, 16_000, 23_456, 100_000])
@pytest.mark.parametrize("options", [{}, {"trailing_silence_ms": 500}, {"frozen_after_s": 0.57}])
def test_a_memory_depends_on_the_audio_alone(folder, samples, options):
    """Not on when the stream was encoded, nor on how its audio was cut into pieces."""
    translator = load(folder, **{"frozen_after_s": 1.0, **options})
    waveform = noise(5.4)
    pieces = [waveform[at : at + samples] for at in range(0, len(waveform), samples)]
    grown, whole = listening(translator, pieces), listened(translator, [waveform])
    assert torch.allclose(grown.frames, whole.frames, **CLOSE)
    assert grown.final[0].count == whole.final[0].count > 90


def test_streams_with_different_frozen_frames_do_not_depend_on_their_neighbours(folder):
    translator = load(folder, frozen_after_s=1.0)
    waveforms = [noise(seconds, seed) for seed, seconds in enumerate((5.5, 0.2, 2.0, 3.3))]
    together = listened(translator, waveforms)
    assert [one.count for one in together.final] == [100, 0, 25, 50]
    assert [one.count for one in together.select([2, 0]).final] == [25, 100]
    for row, waveform in enumerate(waveforms):
        alone = listened(translator, [waveform])
        length = int(alone.lengths[0])
        assert int(together.lengths[row]) == length
        assert torch.allclose(together.frames[row, :length], alone.frames[0], **CLOSE)
        assert torch.equal(together.end_ms[row, :length], alone.end_ms[0])


def test_a_stream_that_forgets_equals_a_fresh_one(folder):
    translator = load(folder, frozen_after_s=1.0)
    waveform = noise(5.0)
    stream = translator.open_stream()
    stream.append(waveform)
    assert translator.encode_streams([stream]).final[0].count == 100
    assert stream.drop_before(2500) == 2500
    fresh = listened(translator, [waveform[40_000:]])
    again = translator.encode_streams([stream])
    assert torch.allclose(again.frames, fresh.frames, **CLOSE)
    assert again.final[0].count == fresh.final[0].count == 25


def test_frozen_frames_are_not_computed_again(folder, monkeypatch):
    translator = load(folder, frozen_after_s=1.0)
    rows = []
    first = translator.model.encoder.layers[0].self_attn_layer_norm
    monkeypatch.setattr(first, "forward", lambda x, plain=first.forward: rows.append(len(x)) or plain(x))
    stream = translator.open_stream()
    for second in range(WINDOW_S):
        stream.append(noise(1.0, second))
        translator.encode_streams([stream])
    assert rows == [50, 100] + [100] * 4


@pytest.mark.parametrize("precision, tolerance", [("bfloat16", 0.2), ("float16", 0.03)])
def test_half_precision_stays_close(folder, precision, tolerance):
    full, half = (
        listened(load(folder, frozen_after_s=1.0, precision=format), [noise(3.5)]).frames
        for format in ("float32", precision)
    )
    assert half.dtype == getattr(torch, precision)
    assert (full - half).abs().max() < tolerance * full.abs().max()


def test_a_family_that_cannot_freeze_says_so(folder):
    with pytest.raises(InputError, match="frozen_after_s is an option of Whisper, REINA and Qwen2-Audio"):
        AudioLanguageModel.open_encoder(load(folder).model, TranslatorOptions(frozen_after_s=3))
