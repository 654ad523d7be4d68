"""Configurations that describe no Whisper, or another than lies beside them, are refused."""

import json
from dataclasses import asdict

import pytest
import torch

from models.whisper.checkpoint import load_whisper_checkpoint
from tests.models.whisper.damaged_checkpoints import DIMENSIONS, refusal, rewrite


@pytest.mark.parametrize("weights", ["present", "absent"])
def test_another_architecture_is_refused(folder, weights):
    (folder / "config.json").write_text('{"model_type": "wav2vec2"}')
    if weights == "absent":
        (folder / "model.safetensors").unlink()
    assert refusal(folder) == (
        f"{folder}/config.json describes a 'wav2vec2' model: give one whose model_type is 'whisper'"
    )


@pytest.mark.parametrize("names", [["config.json"], ["config.json", "generation_config.json"]])
def test_missing_configuration_is_refused(folder, names):
    for name in names:
        (folder / name).unlink()
    assert refusal(folder) == f"{folder} has weights but no config.json: copy the model's config.json there"


def test_incomplete_configuration_is_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    del config["d_model"]
    (folder / "config.json").write_text(json.dumps(config | {"encoder_layers": 0}))
    assert refusal(folder) == (
        f"{folder}/config.json gives no positive whole number for d_model, encoder_layers, or one that no "
        "model has (found d_model None, encoder_layers 0): download it again"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "config.json is not valid JSON ("), ("[1]", "config.json must hold a JSON object, found list:")],
)
def test_damaged_configuration_is_refused(folder, content, message):
    (folder / "config.json").write_text(content)
    assert message in refusal(folder)


def test_heads_that_do_not_divide_the_width_are_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"decoder_attention_heads": 5}))
    assert refusal(folder) == f"{folder}: width 32 does not split into 5 heads: mend its sizes"


@pytest.mark.parametrize("heads", [[], [3], "all", [[0]], [[0.5, 1]], [[0, True]], {"0": 1}])
def test_impossible_alignment_heads_are_refused(folder, heads):
    generation = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(generation | {"alignment_heads": heads}))
    assert refusal(folder) == (
        f"alignment_heads {heads} in {folder} must list (layer, head) pairs of whole numbers: correct "
        "generation_config.json, or remove the entry"
    )


def test_heads_that_a_distilled_decoder_lacks_are_read_all_the_same(folder):
    rewrite(folder / "generation_config.json", alignment_heads=[[0, 1], [25, 6]])
    assert load_whisper_checkpoint(folder).alignment_heads == ((0, 1), (25, 6))


@pytest.mark.parametrize("key", ["encoder_layers", "d_model", "vocab_size", "decoder_attention_heads"])
@pytest.mark.parametrize("value", ["4", None, -1, 0, True, 2.0, [2], {}, 10**12, 10**400])
def test_sizes_of_other_types_and_of_no_model_are_refused_at_once(folder, key, value):
    rewrite(folder / "config.json", **{key: value})
    message = refusal(folder)
    assert f"{folder}/config.json gives no positive whole number for {key}, or one that no model" in message
    assert "\n" not in message and len(message) < 400


@pytest.mark.parametrize(
    ("file", "key", "value", "message"),
    [
        ("config.json", "activation_function", "relu", "activation_function 'relu', but Whisper has 'gelu'"),
        ("config.json", "scale_embedding", True, "says scale_embedding True, but Whisper has False"),
        ("config.json", "trailing_silence_ms", -5, "trailing_silence_ms as a whole number from 0 to 30000"),
        ("generation_config.json", "eos_token_id", "x", "gives no id for <|endoftext|> (found 'x')"),
        ("generation_config.json", "lang_to_id", ["en"], "gives no id for lang_to_id or task_to_id"),
        ("generation_config.json", "lang_to_id", {"<|en|>": None, "<|de|>": 1.5}, "for <|de|> (found 1.5)"),
        ("generation_config.json", "decoder_start_token_id", {}, "gives no id for <|startoftranscript|>"),
    ],
)
def test_settings_of_other_types_are_refused(folder, file, key, value, message):
    rewrite(folder / file, **{key: value})
    assert message in refusal(folder)


def test_dimensions_of_an_openai_file_are_checked(folder):
    weights = load_whisper_checkpoint(folder).weights
    sizes = {**asdict(DIMENSIONS), "n_vocab": "640"}
    torch.save({"dims": sizes, "model_state_dict": weights}, folder / "a.pt")
    assert refusal(folder / "a.pt").startswith(f"{folder}/a.pt gives no positive whole number for n_vocab")
    torch.save({"dims": asdict(DIMENSIONS), "model_state_dict": {"a": 1}}, folder / "a.pt")
    assert "holds something else than tensors" in refusal(folder / "a.pt")
