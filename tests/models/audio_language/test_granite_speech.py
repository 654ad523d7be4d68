"""What Granite-speech alone has: an adapter inside its folder, and frames that later audio changes."""

import json
import shutil

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model

from foundation.errors import InputError
from models.audio_language.families import load_audio_language_model
from models.translator import TranslatorOptions
from tests.models.tiny_families import FAMILIES

SPEECH = np.random.default_rng(0).normal(0, 0.1, 64_000).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return FAMILIES["granite_speech"].write(tmp_path_factory.mktemp("granite") / "model")


def load(folder):
    return load_audio_language_model(folder, TranslatorOptions())


def logits(model):
    return model.teacher_forced(model.features([SPEECH[:16_000]]), [model.prompt("en", "de")], [[5, 6]])[0]


@torch.no_grad()
def test_the_adapter_in_the_folder_is_merged(folder, tmp_path):
    """As published: weights and adapter side by side, and the adapter names a model on the Hub."""
    base = load(folder)
    plain = logits(base)
    adapted = get_peft_model(
        base.network,
        LoraConfig(r=2, target_modules=r".*language_model.*(q_proj|v_proj)", init_lora_weights=False),
    )
    expected = logits(base)
    published = shutil.copytree(folder, tmp_path / "published")
    adapted.save_pretrained(published)
    config = json.loads((published / "config.json").read_text())
    (published / "config.json").write_text(json.dumps(config | {"has_lora_adapter": True}))
    adapter = published / "adapter_config.json"
    named = json.loads(adapter.read_text()) | {"base_model_name_or_path": "ibm-granite/granite-speech-3.3-2b"}
    adapter.write_text(json.dumps(named))
    merged = load(published)
    assert torch.allclose(logits(merged), expected, atol=1e-4)
    assert not torch.allclose(plain, expected, atol=1e-2)
    merged.save(tmp_path / "saved")
    assert torch.allclose(logits(load(tmp_path / "saved")), expected, atol=1e-4)
    adapter.unlink()
    with pytest.raises(InputError, match="published lacks adapter_config.json: copy the whole folder"):
        load(published)


@torch.no_grad()
def test_frames_of_a_finished_block_change_with_the_next(folder):
    """Blocks of 1 s, two layers: what is said in the next second changes all frames of the first."""
    model = load(folder)
    quieter = SPEECH.copy()
    quieter[24_000:32_000] *= 0.5
    one, other = (model.encode_features(model.features([clip])).values for clip in (SPEECH, quieter))
    assert (one[0, :10] - other[0, :10]).abs().amax(-1).min() > 1e-5


def test_languages_are_those_of_its_training(folder):
    model = load(folder)
    assert "translate the speech to Japanese" in model.tokenizer.decode(model.prompt("en", "ja").after)
    with pytest.raises(InputError, match="does not understand it: it understands en, fr, de, es, pt"):
        model.prompt("ja", "en")
