"""Whisper behind the Translator interface: streams beside one another, options, dtypes, bad input."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

from foundation.errors import InputError
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.tiny_whisper import write_tiny_whisper


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_whisper(tmp_path_factory.mktemp("models") / "tiny", alignment_heads=[[0, 1], [1, 0]])


def load(folder, **options):
    return load_translator(str(folder), TranslatorOptions(**options))


def noise(seconds, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, round(16_000 * seconds)).astype(np.float32)


@pytest.mark.parametrize("silence_ms", [0, 700, 30_000])
def test_streams_do_not_depend_on_their_neighbours(folder, silence_ms):
    translator = load(folder, trailing_silence_ms=silence_ms)
    waveforms = [noise(2.0, 1), noise(0.31, 2), noise(1.234, 3)]
    prompt = translator.tokenizer.prompt("es", "en")
    prefixes = [[*prompt, 5, 6, 7], [*prompt, 9], [*prompt]]
    memory = translator.encode(waveforms)
    state, output = translator.start(memory, prefixes, with_attention=True)
    tokens = torch.tensor([11, 12, 13])
    after = translator.step(state, tokens)
    for row, waveform in enumerate(waveforms):
        alone = translator.encode([waveform])
        assert int(memory.heard_frames[row]) == int(alone.heard_frames[0]) == -(-len(waveform) // 320)
        assert int(memory.lengths[row]) == int(alone.lengths[0])
        its_state, expected = translator.start(alone, [prefixes[row]], with_attention=True)
        frames = int(alone.lengths[0])
        assert torch.allclose(output.log_probabilities[row], expected.log_probabilities[0], atol=1e-4)
        assert torch.allclose(output.attention[row, :frames], expected.attention[0], atol=1e-5)
        expected = translator.step(its_state, tokens[row : row + 1])
        assert torch.allclose(after.log_probabilities[row], expected.log_probabilities[0], atol=1e-4)


def test_chunk_by_chunk_audio_equals_all_at_once(folder):
    translator = load(folder)
    waveform = noise(3.0)
    stream = translator.open_stream()
    for start in range(0, len(waveform), 4321):
        stream.append(waveform[start : start + 4321])
    grown, whole = translator.encode_streams([stream]), translator.encode([waveform])
    assert torch.allclose(grown.frames, whole.frames, atol=1e-5)


def test_full_window_equals_transformers(folder):
    """30 s of silence behind the audio is exactly what transformers computes from the waveform."""
    translator = load(folder, trailing_silence_ms=30_000)
    waveform = noise(4.0)
    reference = WhisperForConditionalGeneration.from_pretrained(folder).eval()
    features = WhisperFeatureExtractor()(waveform, sampling_rate=16_000, return_tensors="pt").input_features
    tokens = translator.tokenizer.prompt("de", "en") + [3, 5, 8]
    with torch.no_grad():
        logits = reference(input_features=features, decoder_input_ids=torch.tensor([tokens])).logits[0, -1]
    logits[torch.tensor(translator.tokenizer.suppressed)] = -torch.inf
    _, output = translator.start(translator.encode([waveform]), [tokens])
    finite = torch.isfinite(output.log_probabilities[0])
    expected = logits.log_softmax(-1)
    assert (output.log_probabilities[0] - expected)[finite].abs().max() < 1e-4
    assert not torch.isfinite(expected[~finite]).any()


@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_real_weights_write_what_transformers_generates(whisper_folder, name, speech):
    """Greedy search to the end, on human speech in the 30 s window."""
    folder = whisper_folder(name)
    translator = load(folder, trailing_silence_ms=30_000)
    prompt = translator.tokenizer.prompt("en", "en")
    search = StreamingSearch(translator, SearchOptions(blocked_ngram=0))
    [found] = search.find(translator.encode([speech]), [StreamRequest(prompt, [], True, 100)])

    reference = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    features = WhisperFeatureExtractor()(speech, sampling_rate=16_000, return_tensors="pt").input_features
    with torch.no_grad():
        memory = reference.model.encoder(features)
        expected = reference.generate(
            encoder_outputs=memory,
            decoder_input_ids=torch.tensor([prompt]),
            suppress_tokens=translator.tokenizer.suppressed,
            max_new_tokens=100,
            do_sample=False,
        )[0].tolist()
    expected = expected[len(prompt) :] if expected[: len(prompt)] == prompt else expected
    end = translator.tokenizer.end_of_sequence
    assert list(found.tokens) == [token for token in expected if token != end]
    assert len(found.tokens) > 5


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_stays_close(folder, precision):
    waveform = noise(1.0)
    prompt = load(folder).tokenizer.prompt("en", "en")
    full, half = (
        translator.start(translator.encode([waveform]), [prompt])[1].log_probabilities
        for translator in (load(folder), load(folder, precision=precision))
    )
    assert half.dtype == torch.float32
    finite = torch.isfinite(full)
    assert (full - half)[finite].abs().max() < 0.3


@pytest.mark.parametrize(
    "options, heads",
    [
        ({}, ((0, 1), (1, 0))),
        ({"attention_layer": 2}, ((1, 0), (1, 1))),
        ({"attention_layer": 1, "attention_heads": (2,)}, ((0, 1),)),
    ],
)
def test_attention_comes_from_the_chosen_heads(folder, options, heads):
    assert load(folder, **options).attention_heads == heads


@pytest.mark.parametrize(
    "options, message",
    [
        ({"attention_layer": 3}, "layer 3 does not exist: choose 1 to 2"),
        ({"attention_heads": (1,)}, "add --attention-layer"),
        ({"attention_layer": 1, "attention_heads": (1, 5)}, "choose among 1 to 2"),
        ({"device": "cuda:99"}, "cuda:99.*cannot be used here"),
        ({"device": "abacus"}, "abacus.*cannot be used here"),
        ({"precision": "int1"}, "precision must be one of float32, bfloat16, float16, int8, got 'int1'"),
        ({"trailing_silence_ms": -1}, "trailing_silence_ms must be at least 0, got -1"),
    ],
)
def test_impossible_options_say_what_is_possible(folder, options, message):
    with pytest.raises(InputError, match=message):
        load(folder, **options)


def test_audio_beyond_the_window_is_refused(folder):
    with pytest.raises(InputError, match="30.5 s.*window of 30 s.*split"):
        load(folder).encode([noise(30.5)])


def test_a_stream_without_audio_is_refused(folder):
    with pytest.raises(InputError, match="no audio yet"):
        load(folder).encode([noise(1.0), noise(0)])


def test_a_model_of_another_architecture_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match="'bert' model.*known: whisper"):
        load_translator(str(tmp_path), TranslatorOptions())


def test_prepared_cross_keys_change_nothing(folder):
    """A memory may bring the keys that decoding would compute, also for a part of its streams."""
    translator = load(folder)
    memory = translator.encode([noise(0.5), noise(1.0), noise(0.75)])
    prepared = replace(memory, cross=tuple(translator.model.decoder.cross_keys(memory.frames)))
    prompt = translator.tokenizer.prompt("de", "en")
    for used in ([0, 1, 2], [2, 0]):
        plain, brought = (
            translator.start(one.select(used), [prompt] * len(used))[1].log_probabilities
            for one in (memory, prepared)
        )
        assert torch.allclose(plain, brought, atol=1e-5)
    assert prepared.select([0]).cross[0][0].shape[2] == int(memory.lengths[0])
    assert memory.heard_ms.tolist() == [500.0, 1000.0, 760.0]


def test_the_device_of_shapes_without_numbers_is_refused(folder):
    with pytest.raises(InputError, match="device 'meta' cannot be used here .*: give --device cpu"):
        load(folder, device="meta")


def change(folder, name: str, **changes):
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**content, **changes}))


def test_whisper_as_published_hears_a_window_of_thinned_silence_by_default(folder, caplog):
    caplog.set_level("INFO")
    translator, told = load(folder), load(folder, trailing_silence_ms=5000)
    assert translator.options.trailing_silence_ms == 30_000
    # 25 frames of audio, 50 of silence, and 1425 more in groups of 4; nothing is thinned that was asked for.
    assert translator.encode([noise(0.5)]).lengths.tolist() == [25 + 50 + 357]
    assert told.encode([noise(0.5)]).lengths.tolist() == [275]
    [said] = [record.getMessage() for record in caplog.records if "silence" in record.getMessage()]
    assert said == (
        f"{folder} hears 30000 ms of silence behind the audio, thinned to one frame in 4; "
        "--trailing-silence-ms changes it"
    )


def test_a_whisper_trained_without_silence_hears_none_by_default(folder, tmp_path, caplog):
    tuned = shutil.copytree(folder, tmp_path / "tuned")
    change(tuned, "config.json", trailing_silence_ms=0)
    assert load(tuned).encode([noise(0.5)]).lengths.tolist() == [25]
    assert load(tuned, trailing_silence_ms=100).encode([noise(0.5)]).lengths.tolist() == [30]
    assert not caplog.records


def test_no_silence_is_warned_about_where_the_model_needs_it(folder, caplog):
    assert load(folder, trailing_silence_ms=0).encode([noise(0.5)]).lengths.tolist() == [25]
    assert "runs on past the end" in caplog.text


@pytest.mark.parametrize(
    ("named", "heads", "instead"),
    [
        ([[0, 1], [25, 6], [1, 9]], ((0, 1),), "the others"),
        ([[25, 6], [7, 0]], ((1, 0), (1, 1)), "all heads of the last layer instead"),
    ],
)
def test_heads_that_a_distilled_model_lacks_are_dropped_where_attention_is_asked_for(
    folder, tmp_path, caplog, named, heads, instead
):
    distilled = shutil.copytree(folder, tmp_path / "distilled")
    change(distilled, "generation_config.json", alignment_heads=named)
    translator = load(distilled)
    memory, prompt = translator.encode([noise(0.5)]), translator.tokenizer.prompt("en", "en")
    translator.start(memory, [prompt])
    assert not caplog.records  # a policy that looks at no attention hears nothing of it
    translator.start(memory, [prompt], with_attention=True)
    translator.start(memory, [prompt], with_attention=True)
    [record] = caplog.records
    assert f"{2} of the {len(named)} alignment heads" in record.getMessage()
    assert record.getMessage().endswith(f"and are dropped; policies see {instead}")
    assert translator.attention_heads == heads
