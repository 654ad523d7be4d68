"""Weights and JSON files of a model folder: damaged ones are refused in one line that names the culprit."""

import json

import pytest
import torch
from safetensors.torch import save_file

from foundation.errors import InputError
from models.storage.model_files import read_json
from models.storage.stored_weights import check_weights, read_safetensors, read_shards, write_safetensors

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 151060136\n"
INDEX = "model.safetensors.index.json"


def refusal(call, *arguments) -> str:
    with pytest.raises(InputError) as refused:
        call(*arguments)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_numbers_that_are_not_finite_are_refused_by_tensor(tmp_path, value, dtype):
    weights = {"a.weight": torch.ones(2, 3, dtype=dtype), "b.bias": torch.ones(4, dtype=dtype)}
    check_weights(tmp_path, weights, weights)
    weights["b.bias"][1:3] = value
    assert refusal(check_weights, tmp_path, weights, weights) == (
        f"{tmp_path}: b.bias has 2 numbers that are NaN or infinite: download the model again, or take an "
        "earlier checkpoint"
    )


def test_further_tensors_that_are_not_finite_are_counted(tmp_path):
    weights = {"a": torch.tensor([torch.nan]), "b": torch.ones(1), "c": torch.tensor([torch.inf])}
    assert "a has 1 numbers that are NaN or infinite, and 1 more tensors:" in refusal(
        check_weights, tmp_path, weights, weights
    )


def test_whole_numbers_and_empty_tensors_are_finite(tmp_path):
    weights = {"a": torch.ones(3, dtype=torch.int8), "b": torch.ones(0, 3)}
    check_weights(tmp_path, weights, weights)


def test_weights_that_overflow_the_stored_format_are_not_written(tmp_path):
    file = tmp_path / "model.safetensors"
    message = refusal(write_safetensors, file, {"a": torch.tensor([1e6]).half()})
    assert message.startswith("model.safetensors: a has 1 numbers that are NaN or infinite:")
    assert not file.exists()


def test_a_pointer_of_git_lfs_is_told_from_a_damaged_file(tmp_path):
    for read, name in ((read_json, "config.json"), (read_safetensors, "model.safetensors")):
        (tmp_path / name).write_text(POINTER)
        assert refusal(read, tmp_path / name) == (
            f"{tmp_path}/{name} is a Git LFS pointer, not the file itself: run `git lfs pull` in its "
            "repository, or download the model again"
        )


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' * 100_000, "{", "\0", '{"a": 1e}'])
def test_json_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    assert f"{tmp_path}/config.json is not valid JSON" in refusal(read_json, tmp_path / "config.json")


def write_index(folder, content) -> None:
    save_file({"a": torch.ones(2)}, folder / "model-00001-of-00002.safetensors")
    save_file({"b": torch.ones(3)}, folder / "model-00002-of-00002.safetensors")
    (folder / INDEX).write_text(json.dumps(content))


def test_shards_are_put_together(tmp_path):
    names = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    write_index(tmp_path, {"weight_map": names})
    assert {name: len(tensor) for name, tensor in read_shards(tmp_path / INDEX).items()} == {"a": 2, "b": 3}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "names no files (its weight_map is no object)"),
        ({"weight_map": {}}, "names no files"),
        ({"weight_map": ["a"]}, "names no files"),
        ({"weight_map": {"a": 3}}, "names '3', which is no file name"),
        ({"weight_map": {"a": None}}, "names 'None', which is no file name"),
        ({"weight_map": {"a": "../secret.safetensors"}}, "names '../secret.safetensors', which is no file"),
        ({"weight_map": {"a": "a\0b"}}, "which is no file name"),
        ({"weight_map": {"a": "x" * 300}}, "lacks xxxx"),
        ({"weight_map": {"a": ""}}, "lacks  named in"),
        ({"weight_map": {"a": "other.safetensors"}}, "lacks other.safetensors named in model"),
        (
            {"weight_map": {"b": "model-00001-of-00002.safetensors"}},
            "names 1 tensors that its files lack (b): index and files are of two models, or one is damaged",
        ),
    ],
)
def test_an_index_that_is_damaged_is_refused(tmp_path, content, message):
    write_index(tmp_path, content)
    assert message in refusal(read_shards, tmp_path / INDEX)
