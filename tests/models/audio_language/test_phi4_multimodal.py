"""What Phi-4-multimodal alone has: blocks that see what stands before, an adapter for speech, positions."""

import json
import shutil

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model

from foundation.errors import InputError
from models.audio_language.families import load_audio_language_model
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.family_reference import Reference
from tests.models.tiny_families import FAMILIES

FAMILY = FAMILIES["phi4_multimodal"]
CONTEXT = 1_300  # tokens, half of them for audio: 52 s
RNG = np.random.default_rng(0)
SPEECH = (RNG.normal(0, 1, 45 * 16_000) * np.linspace(0.001, 0.2, 45 * 16_000)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return FAMILY.write(tmp_path_factory.mktemp("phi4") / "model", context=CONTEXT)


@pytest.fixture(scope="module")
def translator(folder):
    return load_translator(str(folder), TranslatorOptions())


def load(folder):
    return load_audio_language_model(folder, TranslatorOptions())


@pytest.mark.parametrize("seconds", [39.9, 40.1, 45])
@torch.no_grad()
def test_audio_around_its_block_of_40_s_is_that_of_transformers(seconds, folder, translator):
    heard = SPEECH[: round(seconds * 16_000)]
    model, reference = translator.model, Reference(FAMILY, folder, translator.tokenizer)
    prompt = model.prompt("en", "de")
    memory = translator.encode([heard, SPEECH[:16_000]])  # a neighbour of one block
    frames = int(memory.lengths[0])
    inputs = reference.inputs(heard, [*translator.tokenizer.in_one_piece(prompt), 105, 106], frames)
    assert frames == int(inputs["audio_embed_sizes"][0])
    _, output = translator.start(memory, [[*translator.tokenizer.in_one_piece(prompt), 105, 106]], [0])
    logits = reference.logits(inputs)[-1].clone()
    logits[translator.tokenizer.suppressed] = -torch.inf
    expected = logits.log_softmax(-1)
    some = expected.isfinite()
    assert torch.allclose(output.log_probabilities[0, some], expected[some], atol=1e-4)
    trained, _ = model.teacher_forced(
        model.features([heard, SPEECH[:16_000]]), [prompt] * 2, [[105, 106]] * 2
    )
    assert torch.allclose(trained[0, 1], reference.logits(inputs)[-2], atol=1e-4)


def test_a_finished_block_is_kept(translator):
    stream = translator.open_stream()
    stream.append(SPEECH[: 39 * 16_000])
    prompt = translator.tokenizer.prompt("en", "de")
    kept = []
    for second in range(39, 45):
        stream.append(SPEECH[second * 16_000 : (second + 1) * 16_000])
        memory = translator.encode_streams([stream])
        kept.append(memory.final[0].count)
        whole = translator.encode([SPEECH[: (second + 1) * 16_000]])
        assert torch.allclose(memory.frames, whole.frames, atol=1e-5)
        found, expected = (translator.start(one, [prompt])[1].log_probabilities for one in (memory, whole))
        some = expected.isfinite()
        assert torch.allclose(found[some], expected[some], atol=1e-4)
    # A window of 25 ms ends 15 ms behind its hop, so that 40 s do not fill the block yet.
    assert kept == [0, 500, 500, 500, 500, 500]


@torch.no_grad()
def test_positions_stay_those_of_short_prompts_where_rows_are_padded(translator):
    decoder = translator.model.language_model.get_decoder()
    states = torch.randn(1, 4, 48, generator=torch.Generator().manual_seed(0))
    alone = decoder.rotary_emb(states, torch.arange(4)[None])
    padded = decoder.rotary_emb(states, torch.tensor([[0, 1, 2, 3, CONTEXT + 5]]))
    assert torch.equal(alone[0], padded[0][:, :4])


@torch.no_grad()
def test_the_adapter_for_speech_is_merged(folder, tmp_path):
    """As published: whole weights, and beside them a folder with the adapter."""

    def logits(model):
        heard = model.features([SPEECH[:16_000]])
        return model.teacher_forced(heard, [model.prompt("en", "de")], [[5, 6]])[0]

    base = load(folder)
    plain = logits(base)
    modules = r"model\.layers\.\d+\.(self_attn\.(qkv|o)_proj|mlp\.(gate_up|down)_proj)"
    adapted = get_peft_model(base.network, LoraConfig(r=2, target_modules=modules, init_lora_weights=False))
    expected = logits(base)
    published = shutil.copytree(folder, tmp_path / "published")
    adapted.save_pretrained(published / "speech-lora")
    config = json.loads((published / "config.json").read_text())
    del config["has_lora_adapter"]  # which only transformers' Granite has
    (published / "config.json").write_text(json.dumps(config))
    merged = load(published)
    assert torch.allclose(logits(merged), expected, atol=1e-4)
    assert not torch.allclose(plain, expected, atol=1e-2)
    merged.save(tmp_path / "saved")
    assert torch.allclose(logits(load(tmp_path / "saved")), expected, atol=1e-4)
    shutil.rmtree(published / "speech-lora")
    with pytest.raises(
        InputError, match=r"lacks speech-lora/adapter_config.json, without which .* copy that"
    ):
        load(published)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"model_type": "phi4mm"}, "as Microsoft's own code has it: download its revision refs/pr/70"),
        ({"audio_config": {"chunk_size": 18}}, "gives chunk_size 18, and the published model has another"),
        ({"audio_config": {"num_blocks": 10**9}}, "gives no usable num_blocks"),
    ],
)
def test_other_layouts_are_refused_in_one_line(changes, message, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    for name, value in changes.items():
        config[name] = config[name] | value if isinstance(value, dict) else value
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=message):
        load(copy)
