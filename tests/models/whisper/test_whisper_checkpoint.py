"""One tiny random Whisper gives the same weights in each layout, and a clear message when damaged."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import WhisperForConditionalGeneration

from models.whisper.checkpoint import load_whisper_checkpoint
from models.whisper.network import WhisperDimensions
from tests.models.storage.test_tokenizer_files import write_separate_files
from tests.models.tiny_whisper import write_tiny_whisper
from tests.models.whisper.damaged_checkpoints import DIMENSIONS, openai_file, refusal


def test_huggingface_folder_has_openais_names(original):
    checkpoint = load_whisper_checkpoint(original)
    assert checkpoint.dimensions == DIMENSIONS
    assert checkpoint.alignment_heads == ((0, 1), (1, 0))
    assert checkpoint.tokenizer_file == original / "tokenizer.json"
    model = WhisperForConditionalGeneration.from_pretrained(original).model
    encoder, decoder = model.encoder, model.decoder
    expected = {
        "encoder.conv1.weight": encoder.conv1.weight,
        "encoder.conv2.bias": encoder.conv2.bias,
        "encoder.positional_embedding": encoder.embed_positions.weight,
        "encoder.ln_post.weight": encoder.layer_norm.weight,
        "encoder.blocks.0.attn.query.weight": encoder.layers[0].self_attn.q_proj.weight,
        "encoder.blocks.1.attn_ln.bias": encoder.layers[1].self_attn_layer_norm.bias,
        "encoder.blocks.1.mlp.0.weight": encoder.layers[1].fc1.weight,
        "encoder.blocks.1.mlp.2.weight": encoder.layers[1].fc2.weight,
        "encoder.blocks.0.mlp_ln.weight": encoder.layers[0].final_layer_norm.weight,
        "decoder.token_embedding.weight": decoder.embed_tokens.weight,
        "decoder.positional_embedding": decoder.embed_positions.weight,
        "decoder.ln.bias": decoder.layer_norm.bias,
        "decoder.blocks.1.attn.out.bias": decoder.layers[1].self_attn.out_proj.bias,
        "decoder.blocks.1.cross_attn.key.weight": decoder.layers[1].encoder_attn.k_proj.weight,
        "decoder.blocks.0.cross_attn.value.bias": decoder.layers[0].encoder_attn.v_proj.bias,
        "decoder.blocks.0.cross_attn_ln.weight": decoder.layers[0].encoder_attn_layer_norm.weight,
    }
    for name, tensor in expected.items():
        assert torch.equal(checkpoint.weights[name], tensor), name
    assert len(checkpoint.weights) == sum(1 for _ in model.parameters())


def test_sharded_folder_equals_the_single_file(original, folder):
    model = WhisperForConditionalGeneration.from_pretrained(original)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="100KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    assert_same(load_whisper_checkpoint(folder).weights, load_whisper_checkpoint(original).weights)


def test_repeated_output_layer_is_dropped(original, folder):
    weights = load_file(folder / "model.safetensors")
    weights["proj_out.weight"] = weights["model.decoder.embed_tokens.weight"].clone()
    save_file(weights, folder / "model.safetensors")
    assert_same(load_whisper_checkpoint(folder).weights, load_whisper_checkpoint(original).weights)


def test_openai_file_equals_the_huggingface_folder(original, folder):
    checkpoint = load_whisper_checkpoint(openai_file(folder))
    assert checkpoint.dimensions == DIMENSIONS
    assert checkpoint.tokenizer_file == folder / "tokenizer.json"
    assert_same(checkpoint.weights, load_whisper_checkpoint(original).weights)


@pytest.mark.parametrize(
    ("sizes", "heads"),
    [
        ((80, 51864, 4, 4, 384), ((1, 0), (2, 0), (2, 5), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4))),
        ((80, 51865, 6, 6, 512), ((3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6))),
    ],
)
def test_published_alignment_heads_are_found_by_size(tmp_path, sizes, heads):
    mels, vocabulary, layers, _, width = sizes
    folder = write_tiny_whisper(
        tmp_path, vocabulary_size=vocabulary, layers=layers, width=width, heads=width // 64, n_audio_ctx=4
    )
    assert load_whisper_checkpoint(folder).alignment_heads == heads


def test_unknown_sizes_have_no_alignment_heads(tmp_path):
    assert load_whisper_checkpoint(write_tiny_whisper(tmp_path, n_audio_ctx=4)).alignment_heads is None


def test_missing_path_is_refused(tmp_path):
    path = tmp_path / "nowhere"
    assert refusal(path) == f"model path {path} does not exist: give a model folder or an OpenAI .pt file"


def test_folder_without_weights_is_refused(folder):
    (folder / "model.safetensors").unlink()
    assert refusal(folder) == (
        f"{folder} holds no weights: it needs config.json with model.safetensors (Hugging Face), "
        "or model.bin (CTranslate2)"
    )


def test_folder_of_pickled_weights_is_refused(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "has its weights in pytorch_model.bin only" in refusal(folder)


def test_folder_of_openai_files_is_refused_with_the_file_to_give(folder):
    file = openai_file(folder)
    (folder / "model.safetensors").unlink()
    assert refusal(folder).endswith(f"holds OpenAI files: give one, as {file}")


@pytest.mark.parametrize("kept", [0, 5, 1000, -1])
def test_truncated_safetensors_are_refused(folder, kept):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    message = refusal(folder)
    assert message.startswith(f"{file} is truncated or damaged (") and message.endswith("download it again")


def test_missing_shards_are_refused(original, folder):
    (folder / "model.safetensors").unlink()
    WhisperForConditionalGeneration.from_pretrained(original).save_pretrained(folder, max_shard_size="100KB")
    first = sorted(folder.glob("model-*.safetensors"))[0]
    first.unlink()
    index = folder / "model.safetensors.index.json"
    assert refusal(folder) == f"{folder} lacks {first.name} named in {index.name}: download the rest"
    index.unlink()
    assert refusal(folder) == f"{folder} has shards of weights but no {index.name}: download that too"


def test_tensors_that_do_not_fit_are_named_and_counted(folder):
    weights = load_file(folder / "model.safetensors")
    for name in [name for name in weights if ".encoder_attn.k_proj." in name or ".fc2." in name]:
        del weights[name]
    weights["model.encoder.adapter.weight"] = torch.zeros(3)
    weights["model.encoder.conv1.bias"] = torch.zeros(31)
    save_file(weights, folder / "model.safetensors")
    assert refusal(folder) == (
        f"the weights in {folder} do not fit the sizes it declares: tensors 10 missing "
        "(encoder.blocks.0.mlp.2.weight, encoder.blocks.0.mlp.2.bias, encoder.blocks.1.mlp.2.weight, ...), "
        "1 unexpected (encoder.adapter.weight), 1 mis-shaped (encoder.conv1.bias (31,) instead of (32,)); "
        "download the model again, or mend its configuration"
    )


def test_untied_output_layer_is_refused(folder):
    weights = load_file(folder / "model.safetensors")
    weights["proj_out.weight"] = weights["model.decoder.embed_tokens.weight"] + 1
    save_file(weights, folder / "model.safetensors")
    assert "tensors 1 unexpected (proj_out.weight);" in refusal(folder)


@pytest.mark.parametrize("layout", ["huggingface", "openai"])
def test_missing_tokenizer_is_refused(folder, layout):
    path = folder if layout == "huggingface" else openai_file(folder)
    (folder / "tokenizer.json").unlink()
    assert refusal(path) == (
        f"{folder} has no tokenizer.json, nor vocab.json with merges.txt: copy there those of the same "
        "model's Hugging Face folder"
    )


@pytest.mark.parametrize("kept", [0, 100, 5000])
def test_truncated_openai_file_is_refused(folder, kept):
    file = openai_file(folder)
    file.write_bytes(file.read_bytes()[:kept])
    message = refusal(file)
    assert message.startswith(f"{file} is truncated, damaged or no checkpoint (")
    assert message.endswith("): download it again") and "\n" not in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": 1, "optimizer": 2}, "it must hold dims and model_state_dict, found model, optimizer"),
        ([1, 2], "it must hold dims and model_state_dict, found list"),
        (
            {"dims": {"n_mels": 80}, "model_state_dict": {}},
            "dims must have n_mels, n_audio_ctx, n_audio_state, n_audio_head, n_audio_layer, n_vocab, "
            "n_text_ctx, n_text_state, n_text_head, n_text_layer, found {'n_mels': 80}",
        ),
    ],
)
def test_other_checkpoints_are_refused(tmp_path, content, message):
    torch.save(content, tmp_path / "other.pt")
    assert refusal(tmp_path / "other.pt") == (
        f"{tmp_path}/other.pt is not an OpenAI Whisper checkpoint: {message}"
    )


def test_checkpoint_that_would_run_code_is_refused(tmp_path):
    torch.save({"dims": Path("x"), "model_state_dict": print}, tmp_path / "evil.pt")
    assert "is truncated, damaged or no checkpoint (Weights only load failed" in refusal(tmp_path / "evil.pt")


def test_other_files_are_refused(folder):
    file = folder / "model.safetensors"
    assert refusal(file) == f"{file} is not a .pt file: give its folder, or an OpenAI .pt file"


@pytest.mark.parametrize(
    ("name", "dimensions", "parameters"),
    [
        ("tiny.en", WhisperDimensions(80, 1500, 384, 6, 4, 51864, 448, 384, 6, 4), 37_760_256),
        ("base", WhisperDimensions(80, 1500, 512, 8, 6, 51865, 448, 512, 8, 6), 72_593_920),
    ],
)
def test_real_weights(whisper_folder, name, dimensions, parameters):
    checkpoint = load_whisper_checkpoint(whisper_folder(name))
    assert checkpoint.dimensions == dimensions
    assert sum(weight.numel() for weight in checkpoint.weights.values()) == parameters
    assert checkpoint.alignment_heads is not None
    assert all(weight.isfinite().all() for weight in checkpoint.weights.values())


def assert_same(weights: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert weights.keys() == expected.keys()
    for name, weight in weights.items():
        assert torch.equal(weight, expected[name]), name


@pytest.mark.parametrize("layout", ["huggingface", "openai"])
def test_a_weight_that_is_no_number_is_refused_by_name(folder, layout):
    file = openai_file(folder) if layout == "openai" else folder
    if layout == "openai":
        content = torch.load(file)
        content["model_state_dict"]["decoder.ln.bias"][3] = torch.nan
        torch.save(content, file)
    else:
        weights = load_file(folder / "model.safetensors")
        weights["model.decoder.layer_norm.bias"][3] = torch.nan
        save_file(weights, folder / "model.safetensors")
    assert refusal(file) == (
        f"{file}: decoder.ln.bias has 1 numbers that are NaN or infinite: download the model again, or take "
        "an earlier checkpoint"
    )


@pytest.mark.parametrize("name", ["model.safetensors", "tiny.pt", "model.bin"])
def test_weights_that_are_a_pointer_of_git_lfs_are_refused(folder, name):
    file = folder if name == "model.safetensors" else folder / name
    if name == "model.bin":
        (folder / "model.safetensors").unlink()
        file = folder
    (folder / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    assert refusal(file).startswith(f"{folder / name} is a Git LFS pointer, not the file itself: run `git")


def test_a_fine_tuned_folder_needs_no_tokenizer_json(folder):
    vocabulary = write_separate_files(folder / "tokenizer.json", folder / "files")
    for file in vocabulary.parent.iterdir():
        shutil.move(file, folder / file.name)
    (folder / "tokenizer.json").unlink()
    assert load_whisper_checkpoint(folder).tokenizer_file == folder / "vocab.json"
