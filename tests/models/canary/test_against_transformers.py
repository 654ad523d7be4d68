"""Canary against transformers: features, encoder, logits, cross-attention, and what both write."""

import json
import shutil

import numpy as np
import pytest
import torch

from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.tiny_canary import tiny_canary, write_tiny_canary

pytest.importorskip("transformers.models.canary", reason="this version of transformers has no Canary")
from transformers import CanaryForConditionalGeneration, ParakeetFeatureExtractor  # noqa: E402

SAMPLES = (32_077, 16_000, 9_000, 61_111)
COMMITTED = ([], [50], [60, 70, 80], [90, 100])
WAVEFORMS = [
    np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)
    for seed, samples in enumerate(SAMPLES)
]
# What a real model may have otherwise than the tiny one.
CHANGES = {
    "usual": {},
    "without biases": {"audio_bias": False, "convolution_bias": False, "text_bias": False},
    "scaled, 128 bins, 40 ms": {"scales_audio": True, "n_mels": 128, "halvings": 2, "audio_kernel": 5},
    "own output layer": {"shared_output": False},
}


class Reference:
    """transformers itself, on the same folder."""

    def __init__(self, folder):
        self.model = CanaryForConditionalGeneration.from_pretrained(folder, attn_implementation="eager")
        self.model.eval()
        self.extractor = ParakeetFeatureExtractor.from_pretrained(folder)

    def inputs(self, waveforms):
        features = self.extractor(list(waveforms), sampling_rate=16_000, return_tensors="pt")
        return {"input_features": features.input_features, "attention_mask": features.attention_mask}

    @torch.inference_mode()
    def forward(self, waveforms, tokens):
        tokens = torch.tensor([tokens] * len(waveforms))
        return self.model(**self.inputs(waveforms), decoder_input_ids=tokens, output_attentions=True)

    @torch.inference_mode()
    def generate(self, waveform, prefix, count, tokenizer, **settings):
        """New tokens, without the end."""
        found = self.model.generate(
            **self.inputs([waveform]),
            decoder_input_ids=torch.tensor([prefix]),
            suppress_tokens=tokenizer.suppressed,
            max_new_tokens=count,
            do_sample=False,
            **settings,
        )[0, len(prefix) :].tolist()
        return found[:-1] if found[-1] == tokenizer.end_of_sequence else found


@pytest.fixture(scope="module", params=CHANGES)
def folder(request, tmp_path_factory):
    model = tiny_canary(end_scale=2.5, **CHANGES[request.param])
    return write_tiny_canary(tmp_path_factory.mktemp("canary") / "model", model)


@pytest.fixture(scope="module")
def reference(folder):
    return Reference(folder)


@pytest.fixture(scope="module")
def translator(folder):
    return load_translator(str(folder), TranslatorOptions())


def test_features(translator, reference):
    expected = reference.inputs(WAVEFORMS)
    lengths = expected["attention_mask"].sum(-1).tolist()
    assert lengths == [200, 100, 56, 381]
    for row, waveform in enumerate(WAVEFORMS):
        features = translator.model.front_end.features(torch.from_numpy(waveform))
        torch.testing.assert_close(
            features, expected["input_features"][row, : lengths[row]].T, atol=1e-4, rtol=0
        )


def test_encoder(translator, reference):
    memory = translator.encode(WAVEFORMS)
    with torch.inference_mode():
        expected = reference.model.model.encoder(**reference.inputs(WAVEFORMS))
    assert memory.lengths.tolist() == expected.attention_mask.sum(-1).tolist()
    for row, length in enumerate(memory.lengths.tolist()):
        torch.testing.assert_close(
            memory.frames[row, :length], expected.last_hidden_state[row, :length], atol=1e-4, rtol=0
        )


def test_logits_and_cross_attention(translator, reference):
    tokens = [*translator.tokenizer.prompt("en", "de"), 50, 200, 31]
    memory = translator.encode(WAVEFORMS)
    expected = reference.forward(WAVEFORMS, tokens)
    state, reading = translator.read(memory, [tokens] * 4, [len(tokens)] * 4, with_attention=True)
    torch.testing.assert_close(
        translator.model.decoder.logits(reading.hidden), expected.logits, atol=1e-4, rtol=0
    )
    last_layer = expected.cross_attentions[-1].mean(1)  # (B, N, T), of all heads
    torch.testing.assert_close(reading.attention, last_layer.flatten(0, 1), atol=1e-4, rtol=0)


def test_chosen_heads_are_those_of_transformers(folder, reference):
    options = TranslatorOptions(attention_layer=2, attention_heads=(1, 3))
    translator = load_translator(str(folder), options)
    tokens = translator.tokenizer.prompt("en", "fr")
    _, output = translator.start(translator.encode(WAVEFORMS), [tokens] * 4, with_attention=True)
    weights = reference.forward(WAVEFORMS, tokens).cross_attentions[1][:, [0, 2], -1].mean(1)
    torch.testing.assert_close(output.attention, weights, atol=1e-4, rtol=0)


@pytest.mark.parametrize("beam", [1, 2])
def test_search_writes_what_transformers_generates(translator, reference, beam):
    tokenizer, prompt = translator.tokenizer, translator.tokenizer.prompt("en", "de")
    patience = (beam - 0.5) / beam  # stop at the first `beam` that are finished, as transformers does
    options = SearchOptions(beam=beam, patience=patience, blocked_ngram=0, repeated_phrase=0)
    requests = [StreamRequest(prompt, text, True, 24, character_units=True) for text in COMMITTED]
    found = StreamingSearch(translator, options).find(translator.encode(WAVEFORMS), requests)
    settings = {"num_beams": beam, "early_stopping": True, "renormalize_logits": True} if beam > 1 else {}
    assert [list(hypothesis.tokens) for hypothesis in found] == [
        reference.generate(waveform, [*prompt, *text], 24, tokenizer, **settings)
        for waveform, text in zip(WAVEFORMS, COMMITTED, strict=True)
    ]


def test_a_folder_that_transformers_has_written(translator, reference, tmp_path):
    """In shards, with its own configuration files; the tokenizer is the same."""
    folder = tmp_path / "saved"
    reference.model.save_pretrained(folder, max_shard_size="40KB")
    reference.extractor.save_pretrained(folder)
    shutil.copy(translator.tokenizer.file, folder / "tokenizer.json")
    index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
    assert len(set(index["weight_map"].values())) > 2
    saved = load_translator(str(folder), TranslatorOptions())
    assert torch.equal(saved.encode(WAVEFORMS).frames, translator.encode(WAVEFORMS).frames)
    own, theirs = translator.model.state_dict(), saved.model.state_dict()
    assert own.keys() == theirs.keys()
    assert all(torch.equal(own[name], theirs[name]) for name in own)
