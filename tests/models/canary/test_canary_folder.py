"""A Canary's folder: what is read of it, and one line for what is wrong with it."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from foundation.errors import InputError
from models.canary.checkpoint import load_canary
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.tiny_canary import tiny_canary, write_json, write_tiny_canary


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return write_tiny_canary(tmp_path_factory.mktemp("canary") / "original")


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "canary")


def change(file, *keys, value):
    """Set a value, at any depth; None removes it."""
    content = place = json.loads(file.read_text(encoding="utf-8"))
    for key in keys[:-1]:
        place = place[key]
    if value is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    write_json(file, content)


def shard(folder):
    """Put the weights into two files."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    parts = {}
    for place, name in enumerate(weights):
        parts.setdefault(f"model-{place % 2 + 1:05d}-of-00002.safetensors", {})[name] = weights[name]
    for name, part in parts.items():
        save_file(part, folder / name)
    where = {tensor: name for name, part in parts.items() for tensor in part}
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": where})


def test_the_network_is_the_one_that_was_written(original):
    expected, found = tiny_canary().state_dict(), load_canary(original).model.state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_shards_are_the_single_file(original, folder):
    shard(folder)
    expected, found = (load_canary(one).model.state_dict() for one in (original, folder))
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_weights_stay_in_the_format_in_which_they_are_stored(folder):
    file = folder / "model.safetensors"
    halves = {
        name: value.bfloat16() if value.is_floating_point() else value
        for name, value in load_file(file).items()
    }
    save_file(halves, file)
    assert load_canary(folder).model.decoder.ln.weight.dtype == torch.bfloat16
    assert load_translator(str(folder), TranslatorOptions()).model.decoder.ln.weight.dtype == torch.float32


def test_a_repeated_output_layer_and_nemos_windows_are_left_out(folder):
    file = folder / "model.safetensors"
    weights = load_file(file)
    weights["proj_out.weight"] = weights["model.decoder.embed_tokens.weight"].clone()
    weights["preprocessor.featurizer.window"] = torch.ones(400)
    save_file(weights, file)
    load_canary(folder)


def test_alignment_heads_of_the_folder_are_what_policies_see(folder):
    change(folder / "generation_config.json", "alignment_heads", value=[[1, 3], [2, 0]])
    assert load_translator(str(folder), TranslatorOptions()).attention_heads == ((1, 3), (2, 0))


def test_languages_of_the_folder(folder):
    change(folder / "config.json", "languages", value=["en", "es"])
    assert load_canary(folder).tokenizer.languages == ("en", "es")


@pytest.mark.parametrize(
    "file, message",
    [
        ("tokenizer.json", "has no tokenizer.json: copy that of the same model there"),
        ("config.json", "has no config.json: copy the whole folder"),
        ("model.safetensors", "holds no weights: it needs model.safetensors, or shards with"),
    ],
)
def test_a_missing_file(folder, file, message):
    (folder / file).unlink()
    with pytest.raises(InputError, match=message):
        load_canary(folder)


def test_missing_shards(folder):
    shard(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(
        InputError, match="lacks model-00002-of-00002.safetensors named in model.safetensors.index"
    ):
        load_canary(folder)
    (folder / "model.safetensors.index.json").unlink()
    with pytest.raises(InputError, match="has shards of weights but no model.safetensors.index.json"):
        load_canary(folder)


def test_another_family(folder):
    change(folder / "config.json", "model_type", value="parakeet_ctc")
    with pytest.raises(InputError, match="holds a 'parakeet_ctc' model, which cannot be read here"):
        load_translator(str(folder), TranslatorOptions())
    with pytest.raises(
        InputError, match="describes a 'parakeet_ctc' model: give one whose model_type is 'canary'"
    ):
        load_canary(folder)


@pytest.mark.parametrize(
    "keys, value, message",
    [
        (("encoder_config",), None, "gives no encoder_config"),
        (("decoder_config", "hidden_act"), "gelu", "decoder_config.hidden_act 'gelu', but Canary has 'relu'"),
        (("encoder_config", "subsampling_conv_stride"), 4, "subsampling_conv_stride 4, but Canary has 2"),
        (
            ("encoder_config", "num_mel_bins"),
            None,
            "no positive whole number for num_mel_bins in encoder_config",
        ),
        (
            ("decoder_config", "num_hidden_layers"),
            10**6,
            "num_hidden_layers in decoder_config, or one that no",
        ),
        (("encoder_config", "num_attention_heads"), 3, "width 32 does not split into 3 heads"),
        (("encoder_config", "subsampling_factor"), 6, "80 mel bins do not halve to a 6th"),
        (("encoder_config", "conv_kernel_size"), 8, "conv_kernel_size 8 is even"),
        (("decoder_config", "hidden_size"), 64, "encoder and decoder are of width 32 and 64"),
        (("decoder_config", "num_key_value_heads"), 2, "fewer heads of keys than of queries"),
        (("decoder_config", "head_dim"), 16, "head_dim is not its width divided by its heads"),
        (("encoder_config", "scale_input"), "no", "must give encoder_config.scale_input as true or false"),
        (("tie_word_embeddings",), None, "must give tie_word_embeddings as true or false, found None"),
        (("languages",), "en", "must give languages as a list of codes, found 'en'"),
        (("eos_token_id",), [3], r"gives no id for <.endoftext.> .found \[3\]"),
        (("eos_token_id",), 2, "has <.endoftext.> at 3, the model's configuration at 2"),
        (("encoder_config", "num_hidden_layers"), 3, "do not fit the sizes it declares: tensors 40 missing"),
    ],
)
def test_configurations_that_cannot_be(folder, keys, value, message):
    if keys == ("eos_token_id",):
        change(folder / "generation_config.json", *keys, value=None)
    change(folder / "config.json", *keys, value=value)
    with pytest.raises(InputError, match=message) as raised:
        load_canary(folder)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("nested", [False, True])
def test_features_that_are_not_computed_here(folder, nested):
    """transformers 5 also writes the settings of a feature extractor into processor_config.json."""
    file = folder / "preprocessor_config.json"
    if nested:
        settings = json.loads(file.read_text(encoding="utf-8"))
        file.unlink()
        file = folder / "processor_config.json"
        write_json(file, {"processor_class": "CanaryProcessor", "feature_extractor": settings})
    load_canary(folder)
    change(file, *(["feature_extractor"] if nested else []), "hop_length", value=200)
    with pytest.raises(InputError, match=f"{file.name} says hop_length 200, but 160 alone is computed here"):
        load_canary(folder)
