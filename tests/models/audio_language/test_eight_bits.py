"""Language models that multiply in 8 bits, whatever the family, and what they leave in memory."""

import gc
import sys
import weakref
from pathlib import Path

import pytest
import torch
import transformers

from models.audio_language.families import load_audio_language_model
from models.layers.processor_weights import quantise_language_model
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.tiny_families import FAMILIES
from tests.models.tiny_qwen2_audio import write_tiny_qwen2_audio
from tests.models.tiny_text_translators import write_tiny_causal

INT8 = TranslatorOptions(precision="int8")
WRITERS = {"qwen2_audio": write_tiny_qwen2_audio, "phi4_multimodal": FAMILIES["phi4_multimodal"].write}


@pytest.fixture(scope="module", params=WRITERS)
def folder(request, tmp_path_factory):
    return WRITERS[request.param](tmp_path_factory.mktemp("models") / request.param, end_scale=2.5)


def heard(translator, speech):
    """Frames, and what is predicted behind them."""
    memory = translator.encode([speech[:32_000]])
    prompt = translator.tokenizer.prompt("en", "de")
    return memory.frames, translator.start(memory, [prompt])[1].log_probabilities


def test_eight_bits_change_little(folder, speech):
    """Of the language model; the audio encoder stays in float32."""
    frames, exact = heard(load_translator(str(folder), TranslatorOptions()), speech)
    same_frames, rough = heard(load_translator(str(folder), INT8), speech)
    assert torch.equal(frames, same_frames)
    some = exact.isfinite()
    assert 0 < float((exact - rough)[some].abs().mean()) < 0.3


def test_weights_stored_in_half_precision_give_the_same(folder, speech, tmp_path):
    """They are read as they are stored, and never lie in memory in float32 together."""
    model = load_audio_language_model(folder, TranslatorOptions())
    model.network.bfloat16()
    model.save(tmp_path / "half")
    model.network.float()
    model.save(tmp_path / "whole")
    found = [heard(load_translator(str(tmp_path / name), INT8), speech) for name in ("half", "whole")]
    for half, whole in zip(*found, strict=True):
        assert half.dtype == torch.float32 and torch.equal(half, whole)


def test_float_weights_are_gone():
    config = transformers.Qwen2Config(
        **{"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2},
        **{"num_attention_heads": 4, "num_key_value_heads": 2},
    )
    network = transformers.Qwen2ForCausalLM(config)
    layers = network.get_decoder().layers
    weights = [module.weight for module in layers.modules() if isinstance(module, torch.nn.Linear)]
    held = [weakref.ref(weight) for weight in weights]
    assert len(held) == 14
    del weights
    quantise_language_model(network, layers)
    gc.collect()
    assert [one() for one in held] == [None] * 14
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux which files are in memory")
@pytest.mark.parametrize("write", [*WRITERS.values(), write_tiny_causal])
def test_the_file_of_weights_is_no_longer_in_memory(write, tmp_path):
    """One weight that lay in it, a bias even, would keep all of it there."""
    kept = load_translator(str(write(tmp_path / "model")), INT8)
    gc.collect()
    assert kept.options.decodes_in_eight_bits
    assert str(tmp_path) not in Path("/proc/self/maps").read_text(encoding="utf-8")
