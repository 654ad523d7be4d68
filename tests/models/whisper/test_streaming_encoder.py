"""The encoder over growing streams against slow oracles: thinned silence, frozen frames, batches."""

import math

import pytest
import torch
import torch.nn.functional as F

from models.translator import TranslatorOptions
from models.whisper.hearing import Hearing
from tests.models.encoded_streams import CLOSE, listened, listening, load, noise
from tests.models.tiny_whisper import write_tiny_whisper


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_whisper(tmp_path_factory.mktemp("models") / "tiny", alignment_heads=[[0, 1], [1, 0]])


def test_layout_of_thinned_silence():
    hearing = Hearing(silence_ms=400, dense_ms=100, silence_stride=4)
    # 5 frames of audio (10 of features), 5 of dense silence, 15 more in groups of 4, 4, 4 and 3.
    layout = hearing.layout(10, 3000)
    assert layout.dense == 10 and layout.feature_frames == 24
    assert layout.positions.tolist() == [*range(10), 12, 16, 20, 23]
    assert hearing.encoded_silence_ms == 175
    assert layout.log_counts.tolist() == pytest.approx([0] * 10 + [math.log(4)] * 3 + [math.log(3)])


@pytest.mark.parametrize("heard", [2970, 2998, 3000])
def test_at_the_end_of_the_window_nothing_is_thinned(heard):
    layout = Hearing(silence_ms=30_000, dense_ms=100, silence_stride=16).layout(heard, 3000)
    assert (layout.dense, layout.feature_frames, layout.log_counts) == (1500, 3000, None)


def test_all_silence_that_is_asked_for_is_heard_in_full():
    usual = Hearing(silence_ms=30_000, dense_ms=1000, silence_stride=8, frozen_after_ms=3000)
    assert usual.chosen(TranslatorOptions()) == usual
    assert usual.chosen(TranslatorOptions(trailing_silence_ms=5000)).silence_stride == 1
    told = TranslatorOptions(
        trailing_silence_ms=20_000, silence_stride=4, dense_silence_ms=500, frozen_after_s=2
    )
    assert usual.chosen(told) == Hearing(20_000, 500, 4, 2000)


def test_a_thinned_frame_counts_as_the_frames_that_it_stands_for(folder):
    """The oracle repeats each thinned frame's key and value as often as it counts."""
    translator = load(folder, trailing_silence_ms=2_000, dense_silence_ms=200, silence_stride=8)
    waveform = noise(1.0)
    memory = translator.encode([waveform])
    layout = translator.hearing.layout(100, 3000)
    counts = layout.log_counts.exp().round().long()
    assert len(memory.frames[0]) == len(layout) == 72 and int(counts.sum()) == 150
    stream = translator.open_stream()
    stream.append(waveform)
    encoder = translator.model.encoder
    with torch.inference_mode():
        features = stream.features.features(layout.feature_frames)[None]
        x = F.gelu(encoder.conv2(F.gelu(encoder.conv1(features))))[0].T
        x = torch.cat([x[:60], x[60].expand(12, -1)]) + encoder.positional_embedding[layout.positions]
        for block in encoder.blocks:
            attention, normed = block.attn, block.attn_ln(x)
            queries, keys, values = (
                attention.split(some[None])
                for some in (
                    attention.query(normed),
                    attention.key(normed).repeat_interleave(counts, dim=0),
                    attention.value(normed).repeat_interleave(counts, dim=0),
                )
            )
            x = x + attention.merge(F.scaled_dot_product_attention(queries, keys, values))[0]
            x = x + block.mlp(block.mlp_ln(x))
        expected = encoder.ln_post(x)
        assert torch.allclose(memory.frames[0], expected, **CLOSE)

        repeated = expected.repeat_interleave(counts, dim=0)
        prefix = torch.tensor([translator.tokenizer.prompt("de", "en") + [3, 5]])
        hidden = translator.model.decoder.teacher_force(repeated[None], torch.tensor([150]), prefix)
    _, output = translator.start(memory, prefix.tolist(), with_attention=True)
    assert torch.allclose(output.hidden[0], hidden[0], **CLOSE)
    assert float(output.attention.sum()) == pytest.approx(1)


def test_silence_that_is_not_thinned_is_that_of_the_window(folder):
    whole, thin = load(folder, trailing_silence_ms=30_000), load(folder, silence_stride=1)
    waveforms = [noise(1.0), noise(0.5, 1)]
    assert torch.equal(whole.encode(waveforms).frames, thin.encode(waveforms).frames)


def frozen_by_hand(translator, waveform, frozen_after_s):
    """Frames of a model without silence: at each full second all, with old keys and values put back."""
    encoder = translator.model.encoder
    keys, values = [None] * len(encoder.blocks), [None] * len(encoder.blocks)
    frozen, final = 0, None
    seconds = len(waveform) / 16_000
    for now in [*range(1, math.ceil(seconds)), seconds]:
        stream = translator.open_stream()
        stream.append(waveform[: round(16_000 * now)])
        x = F.gelu(encoder.conv2(F.gelu(encoder.conv1(stream.features.features()[None]))))[0].T
        x = x + encoder.positional_embedding[: len(x)]
        for layer, block in enumerate(encoder.blocks):
            attention, normed = block.attn, block.attn_ln(x)
            for held, new in ((keys, attention.key(normed)), (values, attention.value(normed))):
                held[layer] = new if frozen == 0 else torch.cat([held[layer][:frozen], new[frozen:]])
            split = [
                attention.split(some[None]) for some in (attention.query(normed), keys[layer], values[layer])
            ]
            x = x + attention.merge(F.scaled_dot_product_attention(*split))[0]
            x = x + block.mlp(block.mlp_ln(x))
        new = encoder.ln_post(x)
        final = new if final is None else torch.cat([final[:frozen], new[frozen:]])
        if now == int(now):
            frozen = max(0, round(50 * (now - frozen_after_s)))
    return final


def test_frozen_frames_keep_their_keys_in_every_layer(folder):
    translator = load(folder, trailing_silence_ms=0, frozen_after_s=1.5)
    waveform = noise(4.7)
    with torch.inference_mode():
        expected = frozen_by_hand(translator, waveform, 1.5)
        assert torch.allclose(listened(translator, [waveform]).frames[0], expected, **CLOSE)
        plain = translator.encode([waveform]).frames[0]
    assert torch.equal(
        plain, listened(load(folder, trailing_silence_ms=0, frozen_after_s=30), [waveform]).frames[0]
    )
    # It is an approximation, and the newest frames hear old ones that are a little out of date.
    assert not torch.allclose(plain, expected, **CLOSE)


@pytest.mark.parametrize("samples", [1000, 4000, 16_000, 23_456, 100_000])
@pytest.mark.parametrize("options", [{}, {"trailing_silence_ms": 0}, {"frozen_after_s": 0.5}])
def test_a_memory_depends_on_the_audio_alone(folder, samples, options):
    """Not on when the stream was encoded, nor on how its audio was cut into pieces."""
    translator = load(folder, **{"frozen_after_s": 1.0, **options})
    waveform = noise(6.25)
    pieces = [waveform[at : at + samples] for at in range(0, len(waveform), samples)]
    grown, whole = listening(translator, pieces), listened(translator, [waveform])
    assert torch.allclose(grown.frames, whole.frames, **CLOSE)
    for one, other in zip(grown.cross, whole.cross, strict=True):
        assert torch.allclose(one[0], other[0], **CLOSE) and torch.allclose(one[1], other[1], **CLOSE)


def test_streams_with_different_frozen_frames_do_not_depend_on_their_neighbours(folder):
    translator = load(folder, frozen_after_s=1.0)
    waveforms = [noise(seconds, seed) for seed, seconds in enumerate((5.5, 0.2, 2.0, 3.3))]
    together = listened(translator, waveforms)
    for row, waveform in enumerate(waveforms):
        alone = listened(translator, [waveform])
        length = int(alone.lengths[0])
        assert int(together.lengths[row]) == length
        assert torch.allclose(together.frames[row, :length], alone.frames[0], **CLOSE)
        assert torch.equal(together.end_ms[row, :length], alone.end_ms[0])
        assert torch.equal(together.log_counts[row, :length], alone.log_counts[0])


def test_a_stream_that_forgets_equals_a_fresh_one(folder):
    translator = load(folder, frozen_after_s=1.0)
    waveform = noise(5.0)
    stream = translator.open_stream()
    stream.append(waveform)
    translator.encode_streams([stream])
    assert stream.frozen == 200
    assert stream.drop_before(2000) == 2000 and stream.frozen == 0
    fresh = listened(translator, [waveform[32_000:]])
    assert torch.allclose(translator.encode_streams([stream]).frames, fresh.frames, **CLOSE)


def test_frozen_frames_are_not_computed_again(folder, monkeypatch):
    translator = load(folder, trailing_silence_ms=0, frozen_after_s=1.0)
    rows = []
    first = translator.model.encoder.blocks[0].attn_ln
    monkeypatch.setattr(first, "forward", lambda x, plain=first.forward: rows.append(len(x)) or plain(x))
    stream = translator.open_stream()
    for second in range(10):
        stream.append(noise(1.0, second))
        translator.encode_streams([stream])
    assert rows == [50, 100] + [100] * 8
