"""An audio-language model behind the Translator interface: against transformers, caches, rows, bad input."""

import numpy as np
import pytest
import torch
from transformers import Qwen2AudioForConditionalGeneration, WhisperFeatureExtractor

from foundation.errors import InputError
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.tiny_qwen2_audio import WINDOW_S, parts, write_tiny_qwen2_audio

SAMPLES = (32_077, 16_000, 9_000, 95_000)
COMMITTED = ([], [5], [6, 70, 80], [90, 100])


def noise(samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


WAVEFORMS = [noise(samples, seed) for seed, samples in enumerate(SAMPLES)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_qwen2_audio(tmp_path_factory.mktemp("models") / "tiny", end_scale=2.5)


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    """A model that hardly ever ends, for beams: transformers counts finished ones in another way."""
    return write_tiny_qwen2_audio(tmp_path_factory.mktemp("models") / "endless", end_scale=0.0)


@pytest.fixture(scope="module")
def translator(folder):
    return load(folder)


def load(folder, **options):
    return load_translator(str(folder), TranslatorOptions(**options))


class Reference:
    """transformers itself, one stream at a time."""

    def __init__(self, folder, tokenizer):
        self.tokenizer = tokenizer
        self.model = Qwen2AudioForConditionalGeneration.from_pretrained(
            folder, attn_implementation="eager"
        ).eval()
        self.extractor = WhisperFeatureExtractor.from_pretrained(folder)

    def inputs(self, waveform, prefix):
        features = self.extractor(
            waveform,
            sampling_rate=16_000,
            return_attention_mask=True,
            padding="max_length",
            return_tensors="pt",
        )
        mask = features.attention_mask
        frames = int(parts(self.model).audio_tower._get_feat_extract_output_lengths(mask.sum(-1))[1])
        place = prefix.index(self.tokenizer.audio_token)
        audio = [self.tokenizer.audio_token] * frames
        tokens = torch.tensor([[*prefix[:place], *audio, *prefix[place + 1 :]]])
        return {
            "input_ids": tokens,
            "attention_mask": torch.ones_like(tokens),
            "input_features": features.input_features,
            "feature_attention_mask": mask,
        }

    def generate(self, waveform, prefix, count, **settings):
        """New tokens, without the end."""
        inputs = self.inputs(waveform, prefix)
        with torch.inference_mode():
            found = self.model.generate(
                **inputs,
                suppress_tokens=self.tokenizer.suppressed,
                eos_token_id=self.tokenizer.end_of_sequence,
                max_new_tokens=count,
                do_sample=False,
                **settings,
            )[0, inputs["input_ids"].shape[1] :].tolist()
        return found[:-1] if found[-1] == self.tokenizer.end_of_sequence else found

    def attention(self, waveform, prefix, heads):
        """(T,) from the last position, over the audio alone, mean of (layer, head) pairs."""
        inputs = self.inputs(waveform, prefix)
        with torch.inference_mode():
            weights = self.model(**inputs, output_attentions=True).attentions
        audio = inputs["input_ids"][0] == self.tokenizer.audio_token
        chosen = torch.stack([weights[layer][0, head, -1, audio] for layer, head in heads])
        return (chosen / chosen.sum(-1, keepdim=True)).mean(0)


@pytest.fixture(scope="module")
def reference(folder, translator):
    return Reference(folder, translator.tokenizer)


def search(translator, beam=1):
    """Texts of all streams together, each with its forced prefix. Units of characters: no words to finish."""
    patience = (beam - 0.5) / beam  # stop at the first `beam` that are finished, as transformers does
    options = SearchOptions(beam=beam, patience=patience, blocked_ngram=0)
    prompt = translator.tokenizer.prompt("en", "de")
    requests = [StreamRequest(prompt, text, True, 24, character_units=True) for text in COMMITTED]
    memory = translator.encode(WAVEFORMS)
    found = StreamingSearch(translator, options).find(memory, requests)
    return [list(hypothesis.tokens) for hypothesis in found]


def test_greedy_search_writes_what_transformers_generates(translator, reference):
    prompt = translator.tokenizer.prompt("en", "de")
    expected = [
        reference.generate(waveform, [*prompt, *text], 24)
        for waveform, text in zip(WAVEFORMS, COMMITTED, strict=True)
    ]
    assert search(translator) == expected
    lengths = [len(tokens) for tokens in expected]
    assert min(lengths) < 24, "some texts end by themselves"


@pytest.mark.parametrize("beam", [2, 3])
def test_beam_search_writes_what_transformers_generates(endless, beam):
    translator = load(endless)
    reference = Reference(endless, translator.tokenizer)
    prompt = translator.tokenizer.prompt("en", "de")
    assert search(translator, beam) == [
        reference.generate(
            waveform,
            [*prompt, *text],
            24,
            num_beams=beam,
            early_stopping=True,
            renormalize_logits=True,  # behind the suppressed tokens, as the search sees them
        )
        for waveform, text in zip(WAVEFORMS, COMMITTED, strict=True)
    ]


def test_cached_equals_recomputed(translator):
    prompt = translator.tokenizer.prompt("en", "de")
    memory = translator.encode(WAVEFORMS[:1])
    tokens = [7, 200, 31, 8]
    state, output = translator.start(memory, [prompt], with_attention=True)
    for count in range(len(tokens) + 1):
        _, whole = translator.start(memory, [[*prompt, *tokens[:count]]], with_attention=True)
        assert torch.allclose(output.log_probabilities, whole.log_probabilities, atol=1e-4)
        assert torch.allclose(output.hidden[:, -1], whole.hidden[:, -1], atol=1e-4)
        assert torch.allclose(output.attention, whole.attention, atol=1e-5)
        behind = len(prompt) - 1 - prompt.index(translator.tokenizer.audio_token)
        assert whole.hidden.shape == (1, behind + count, translator.hidden_width)
        if count < len(tokens):
            output = translator.step(state, torch.tensor([tokens[count]]))


def test_row_result_does_not_depend_on_its_neighbours(translator):
    """Rows of unlike audio, texts and prompts; some hear the same audio; then they are mixed."""
    to_german, from_french = translator.tokenizer.prompt("en", "de"), translator.tokenizer.prompt("fr", "en")
    longer = [translator.tokenizer.end_of_sequence, *to_german]  # text before the audio differs
    rows = [(0, [*to_german, 5]), (3, to_german), (0, [*from_french, 6, 70]), (2, longer), (1, to_german)]
    check(translator, rows)


def test_rows_of_one_audio_share_its_pass(translator):
    prompt = translator.tokenizer.prompt("en", "de")
    check(translator, [(0, [*prompt, 5, 9]), (0, prompt), (2, prompt), (0, [*prompt, 8]), (2, [*prompt, 4])])


def check(translator, rows):
    """Prefill, then select and step twice; each row is compared with itself alone."""
    memory = translator.encode(WAVEFORMS)
    state, output = translator.start(
        memory, [prefix for _, prefix in rows], [heard for heard, _ in rows], with_attention=True
    )
    for chosen in ([1, 0, 0, 4, 3, 2, 2], [6, 2, 2]):
        for row, (heard, prefix) in enumerate(rows):
            alone = translator.encode([WAVEFORMS[heard]])
            _, expected = translator.start(alone, [prefix], with_attention=True)
            frames = int(alone.lengths[0])
            assert torch.allclose(output.log_probabilities[row], expected.log_probabilities[0], atol=1e-4)
            last = int(output.hidden_lengths[row]) - 1
            assert torch.allclose(output.hidden[row, last], expected.hidden[0, -1], atol=1e-4)
            assert torch.allclose(output.attention[row, :frames], expected.attention[0], atol=1e-5)
            assert not output.attention[row, frames:].any()
        state.select(torch.tensor(chosen))
        new = list(range(10, 10 + len(chosen)))
        rows = [(rows[at][0], [*rows[at][1], token]) for at, token in zip(chosen, new, strict=True)]
        output = translator.step(state, torch.tensor(new))


@pytest.mark.parametrize(
    "options, heads",
    [
        ({}, [(2, 0), (2, 1), (2, 2), (2, 3)]),
        ({"attention_layer": 1}, [(0, 0), (0, 1), (0, 2), (0, 3)]),
        ({"attention_layer": 2, "attention_heads": (2, 4)}, [(1, 1), (1, 3)]),
    ],
)
def test_attention_over_the_audio_is_that_of_transformers(folder, reference, options, heads):
    translator = load(folder, **options)
    assert list(translator.attention_heads) == heads
    prefix = [*translator.tokenizer.prompt("en", "de"), 6, 70, 80]
    memory = translator.encode(WAVEFORMS[:1])
    _, output = translator.start(memory, [prefix], with_attention=True)
    expected = reference.attention(WAVEFORMS[0], prefix, heads)
    assert output.attention.shape == (1, 50)  # 2.005 s of 40 ms
    assert torch.allclose(output.attention[0], expected, atol=1e-5)
    state, _ = translator.start(memory, [prefix[:-1]], with_attention=True)
    stepped = translator.step(state, torch.tensor(prefix[-1:])).attention
    assert torch.allclose(stepped[0], expected, atol=1e-5)


def test_alignment_heads_of_the_configuration_are_the_default(tmp_path):
    write_tiny_qwen2_audio(tmp_path / "model", translation={"alignment_heads": [[1, 3], [2, 0]]})
    assert load(tmp_path / "model").attention_heads == ((1, 3), (2, 0))


def test_chunk_by_chunk_audio_equals_all_at_once(translator):
    stream = translator.open_stream()
    for start in range(0, SAMPLES[0], 4_321):
        stream.append(WAVEFORMS[0][start : start + 4_321])
        memory = translator.encode_streams([stream])
    assert torch.allclose(memory.frames, translator.encode(WAVEFORMS[:1]).frames, atol=1e-5)
    assert memory.end_ms[0, :3].tolist() == [40.0, 80.0, 120.0]


@pytest.mark.parametrize("precision, tolerance", [("bfloat16", 0.5), ("float16", 0.1)])
def test_half_precision_stays_close(folder, translator, precision, tolerance):
    prompt = translator.tokenizer.prompt("en", "de")
    full, half = (
        model.start(model.encode(WAVEFORMS[:2]), [prompt, prompt])[1].log_probabilities
        for model in (translator, load(folder, precision=precision))
    )
    assert half.dtype == torch.float32
    finite = torch.isfinite(full)
    assert (full - half)[finite].abs().max() < tolerance


def test_silence_behind_the_audio_is_heard_but_not_counted(folder, translator):
    silent = load(folder, trailing_silence_ms=1_000)
    waveform = WAVEFORMS[1]
    memory = silent.encode([waveform])
    padded = translator.encode([np.concatenate([waveform, np.zeros(16_000, np.float32)])])
    assert (int(memory.heard_frames[0]), int(memory.lengths[0])) == (25, 50)
    assert torch.allclose(memory.frames, padded.frames, atol=1e-5)


def test_special_tokens_are_never_generated(translator):
    prompt = translator.tokenizer.prompt("en", "de")
    _, output = translator.start(translator.encode(WAVEFORMS[:1]), [prompt])
    finite = torch.isfinite(output.log_probabilities[0])
    ids = [translator.tokenizer.audio_token, translator.tokenizer.vocabulary_size - 1]
    assert not finite[ids].any()
    assert finite[translator.tokenizer.end_of_sequence]


def test_audio_beyond_the_window_is_refused(translator):
    with pytest.raises(InputError, match="6.5 s.*window of 6 s.*split"):
        translator.encode([noise(16_000 * WINDOW_S + 8_000)])


def test_a_stream_without_audio_is_refused(translator):
    with pytest.raises(InputError, match="no audio yet"):
        translator.encode([WAVEFORMS[0], noise(0)])


def test_a_prefix_without_a_place_for_audio_is_refused(translator):
    with pytest.raises(InputError, match="begin it with the tokenizer's prompt"):
        translator.start(translator.encode(WAVEFORMS[:1]), [[5, 6]])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"attention_layer": 4}, "layer 4 does not exist: choose 1 to 3"),
        ({"attention_heads": (1,)}, "add --attention-layer"),
        ({"device": "abacus"}, "abacus.*cannot be used here"),
    ],
)
def test_impossible_options_say_what_is_possible(folder, options, message):
    with pytest.raises(InputError, match=message):
        load(folder, **options)


def test_options_of_other_encoders_are_refused(folder):
    with pytest.raises(InputError, match="silence_stride is an option of Whisper and REINA"):
        load(folder, silence_stride=8)
