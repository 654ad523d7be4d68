"""Canary behind the Translator interface: streams beside one another, caches, chunks, precisions, options."""

import numpy as np
import pytest
import torch

from foundation.errors import InputError
from models.canary.fast_conformer import by_frame
from models.canary.whole_encoder import FRAMES_AT_ONCE
from models.layers.packed_output import PackedOutput, packs
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.tiny_canary import tiny_canary, write_tiny_canary

# Logits of transformers 5.24 for seed 0: tokens 100 to 109 behind the prompt en -> de, on a second of noise.
LOGITS = torch.tensor(
    [1.29767, -6.69584, 3.78575, -5.73301, 3.72339, -13.16665, 1.94068, -4.9159, 10.51893, 4.01015]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_canary(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def translator(folder):
    return load(folder)


def load(folder, **options):
    return load_translator(str(folder), TranslatorOptions(**options))


def noise(seconds, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, round(16_000 * seconds)).astype(np.float32)


def test_logits_of_transformers(translator):
    """As `test_against_transformers`, for versions without Canary."""
    prompt = translator.tokenizer.prompt("en", "de")
    _, reading = translator.read(translator.encode([noise(1.0)]), [prompt], [1])
    logits = translator.model.decoder.logits(reading.hidden[0, -1])
    torch.testing.assert_close(logits[100:110], LOGITS, atol=1e-4, rtol=0)


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_scores_by_distance_become_scores_by_frame(frames):
    scores = torch.randn(2, 3, frames, 2 * frames, generator=torch.Generator().manual_seed(0))
    found = by_frame(scores)
    assert found.shape == (2, 3, frames, frames)
    for query in range(frames):
        for frame in range(frames):
            distance = query - frame  # column 0 is of frames - 1
            expected = scores[..., query, frames - 1 - distance]
            assert torch.equal(found[..., query, frame], expected)


@pytest.mark.parametrize("silence_ms", [0, 700])
def test_streams_do_not_depend_on_their_neighbours(folder, silence_ms):
    translator = load(folder, trailing_silence_ms=silence_ms)
    waveforms = [noise(2.0, 1), noise(0.31, 2), noise(1.234, 3), noise(0.004, 4)]
    prompt = translator.tokenizer.prompt("es", "en")
    prefixes = [[*prompt, 50, 60, 70], [*prompt, 90], prompt, [*prompt, 91, 92]]
    memory = translator.encode(waveforms)
    state, output = translator.start(memory, prefixes, with_attention=True)
    tokens = torch.tensor([110, 120, 130, 140])
    after = translator.step(state, tokens)
    for row, (waveform, heard) in enumerate(zip(waveforms, (25, 4, 16, 1), strict=True)):
        alone = translator.encode([waveform])
        assert int(memory.heard_frames[row]) == int(alone.heard_frames[0]) == heard
        frames = int(alone.lengths[0])
        assert int(memory.lengths[row]) == frames == -(-max(1, (len(waveform) + 16 * silence_ms) // 160) // 8)
        assert torch.allclose(memory.frames[row, :frames], alone.frames[0], atol=1e-5)
        its_state, expected = translator.start(alone, [prefixes[row]], with_attention=True)
        assert torch.allclose(output.log_probabilities[row], expected.log_probabilities[0], atol=1e-4)
        assert torch.allclose(output.attention[row, :frames], expected.attention[0], atol=1e-5)
        assert not output.attention[row, frames:].any()
        expected = translator.step(its_state, tokens[row : row + 1])
        assert torch.allclose(after.log_probabilities[row], expected.log_probabilities[0], atol=1e-4)


def test_many_streams_are_encoded_in_groups(translator):
    """More frames than go through the encoder at once, in any order."""
    waveforms = [noise(seconds, place) for place, seconds in enumerate((39.0, 3.0, 40.0, 22.0, 0.5, 40.0))]
    memory = translator.encode(waveforms)
    assert memory.lengths.tolist() == [488, 38, 500, 275, 7, 500]
    assert len(memory.lengths) * 500 > FRAMES_AT_ONCE
    for row in (1, 2, 4):
        alone = translator.encode([waveforms[row]])
        length = int(alone.lengths[0])
        assert torch.allclose(memory.frames[row, :length], alone.frames[0], atol=1e-4)
        for (keys, values), (its_keys, its_values) in zip(memory.cross, alone.cross, strict=True):
            assert torch.allclose(keys[row, :, :length], its_keys[0], atol=1e-4)
            assert torch.allclose(values[row, :, :length], its_values[0], atol=1e-4)


def test_frames_end_every_80_ms(translator):
    memory = translator.encode([noise(0.5)])
    assert memory.end_ms.tolist() == [[80.0, 160.0, 240.0, 320.0, 400.0, 480.0, 560.0]]
    assert memory.heard_ms.tolist() == [560.0]


def test_chunk_by_chunk_audio_equals_all_at_once(translator):
    waveform = noise(3.0)
    stream = translator.open_stream()
    for start in range(0, len(waveform), 4321):
        stream.append(waveform[start : start + 4321])
        grown = translator.encode_streams([stream])
    assert torch.allclose(grown.frames, translator.encode([waveform]).frames, atol=1e-5)


def test_a_stream_that_forgets_equals_a_fresh_one(translator):
    waveform = noise(3.0)
    stream = translator.open_stream()
    stream.append(waveform)
    translator.encode_streams([stream])
    assert stream.drop_before(1_234.0) == 1_230.0
    fresh = translator.encode([waveform[19_680:]])
    assert torch.allclose(translator.encode_streams([stream]).frames, fresh.frames, atol=1e-5)


def test_cached_equals_recomputed(translator):
    prompt = translator.tokenizer.prompt("en", "fr")
    memory = translator.encode([noise(1.5)])
    tokens = [70, 200, 31, 80]
    state, output = translator.start(memory, [prompt], with_attention=True)
    for count in range(len(tokens) + 1):
        _, expected = translator.start(memory, [[*prompt, *tokens[:count]]], with_attention=True)
        assert torch.allclose(output.log_probabilities, expected.log_probabilities, atol=1e-5)
        assert torch.allclose(output.attention, expected.attention, atol=1e-6)
        if count < len(tokens):
            output = translator.step(state, torch.tensor(tokens[count : count + 1]))


def test_teacher_forcing_equals_decoding(translator):
    tokens = [*translator.tokenizer.prompt("en", "fr"), 70, 200, 31]
    waveforms = [noise(1.5, 1), noise(0.7, 2)]
    _, reading = translator.read(translator.encode(waveforms), [tokens] * 2, [1, 1])
    front_end = translator.model.front_end
    features = [front_end.features(torch.from_numpy(waveform)) for waveform in waveforms]
    lengths = torch.tensor([one.shape[1] for one in features])
    padded = torch.zeros(2, 80, 150)
    for row, one in enumerate(features):
        padded[row, :, : one.shape[1]] = one
    with torch.no_grad():
        hidden = translator.model(padded, lengths, torch.tensor([tokens] * 2))
    assert torch.allclose(hidden, reading.hidden, atol=1e-5)


@pytest.mark.parametrize("precision", ["bfloat16", "float16", "int8"])
def test_low_precision_stays_close(folder, translator, precision):
    prompt, waveform = translator.tokenizer.prompt("en", "de"), noise(1.0)
    _, exact = translator.start(translator.encode([waveform]), [prompt], with_attention=True)
    low = load(folder, precision=precision)
    _, close = low.start(low.encode([waveform]), [prompt], with_attention=True)
    assert close.log_probabilities.dtype == torch.float32
    finite = exact.log_probabilities.isfinite()
    assert torch.equal(finite, close.log_probabilities.isfinite())
    error = (exact.log_probabilities - close.log_probabilities)[finite].abs().mean()
    assert error < 0.1 * exact.log_probabilities[finite].std()
    assert torch.allclose(exact.attention, close.attention, atol=0.05)


def test_the_bias_of_the_logits_survives_packing(translator):
    """On a processor the output layer takes another form, which knows no bias."""
    decoder = translator.model.decoder
    assert isinstance(decoder.output, PackedOutput) or not packs()
    hidden = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    original = tiny_canary().decoder
    with torch.no_grad():
        expected = original.logits(hidden)
    assert original.output_bias.abs().max() > 0.3
    assert torch.allclose(decoder.logits(hidden), expected, atol=1e-5)


def test_audio_longer_than_the_window_is_refused(translator):
    assert translator.maximum_audio_ms == 40_000.0
    with pytest.raises(
        InputError, match=r"audio of 40.1 s is longer than the model's window of 40 s: split it"
    ):
        translator.encode([noise(40.1)])


def test_silence_reaches_to_the_end_of_the_window(folder):
    translator = load(folder, trailing_silence_ms=600_000)
    memory = translator.encode([noise(1.0)])
    assert memory.lengths.tolist() == [500] and memory.heard_frames.tolist() == [13]


@pytest.mark.parametrize(
    "option", [{"frozen_after_s": 3.0}, {"silence_stride": 8}, {"dense_silence_ms": 500}]
)
def test_options_of_other_encoders_are_refused(folder, option):
    with pytest.raises(
        InputError, match=f"{next(iter(option))} is an option of Whisper and REINA, and Canary"
    ):
        load(folder, **option)


def test_heads_that_it_lacks_are_refused(folder):
    with pytest.raises(InputError, match="attention layer 4 does not exist: choose 1 to 3"):
        load(folder, attention_layer=4)


def test_punctuation_is_an_option(folder):
    prompts = [load(folder, punctuation=asked).tokenizer.prompt("en", "de") for asked in (True, False)]
    assert [one[5] for one in prompts] == [5, 6]
