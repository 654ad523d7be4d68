"""A CTranslate2 file written here, plain or quantised, loads as the model that it was made of."""

import json
import shutil
import struct
from pathlib import Path

import pytest
import torch
from torch import Tensor

from foundation.errors import InputError
from models.whisper.checkpoint import load_whisper_checkpoint
from tests.models.tiny_whisper import write_tiny_whisper

TYPE_CODES = {torch.float32: 0, torch.int8: 1, torch.int16: 2, torch.float16: 4}


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    return write_tiny_whisper(tmp_path_factory.mktemp("tiny"), n_audio_ctx=60)


def ctranslate2_variables(weights: dict[str, Tensor], heads: int) -> dict[str, Tensor]:
    """OpenAI's parameters in CTranslate2's names and fusions, float16."""
    stored_heads = torch.tensor(heads, dtype=torch.int16)
    variables = {"encoder/num_heads": stored_heads, "decoder/num_heads": stored_heads}

    def put(target: str, source: str, names=("gamma", "beta")) -> None:
        variables[f"{target}/{names[0]}"] = weights[f"{source}.weight"].half()
        variables[f"{target}/{names[1]}"] = weights[f"{source}.bias"].half()

    def fuse(target: str, block: str, *sources: str) -> None:
        weight = [weights[f"{block}.{source}.weight"] for source in sources]
        bias = [weights.get(f"{block}.{source}.bias", torch.zeros(32)) for source in sources]
        variables[f"{target}/weight"] = torch.cat(weight).half()
        variables[f"{target}/bias"] = torch.cat(bias).half()

    variables["decoder/embeddings/weight"] = weights["decoder.token_embedding.weight"].half()
    for side, norm in (("encoder", "ln_post"), ("decoder", "ln")):
        variables[f"{side}/position_encodings/encodings"] = weights[f"{side}.positional_embedding"].half()
        put(f"{side}/layer_norm", f"{side}.{norm}")
        for layer in range(2):
            target, block = f"{side}/layer_{layer}", f"{side}.blocks.{layer}"
            put(f"{target}/self_attention/layer_norm", f"{block}.attn_ln")
            fuse(f"{target}/self_attention/linear_0", f"{block}.attn", "query", "key", "value")
            fuse(f"{target}/self_attention/linear_1", f"{block}.attn", "out")
            if side == "decoder":
                put(f"{target}/attention/layer_norm", f"{block}.cross_attn_ln")
                fuse(f"{target}/attention/linear_0", f"{block}.cross_attn", "query")
                fuse(f"{target}/attention/linear_1", f"{block}.cross_attn", "key", "value")
                fuse(f"{target}/attention/linear_2", f"{block}.cross_attn", "out")
            put(f"{target}/ffn/layer_norm", f"{block}.mlp_ln")
            put(f"{target}/ffn/linear_0", f"{block}.mlp.0", ("weight", "bias"))
            put(f"{target}/ffn/linear_1", f"{block}.mlp.2", ("weight", "bias"))
    for convolution in ("conv1", "conv2"):
        put(f"encoder/{convolution}", f"encoder.{convolution}", ("weight", "bias"))
    return variables


def quantised(variables: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Weights as integers with their scales: int8 by output row, int16 one for the tensor."""
    result = dict(variables)
    for name, tensor in variables.items():
        if name.endswith("/weight"):
            values = tensor.float()
            if dtype == torch.int8:
                scale = 127 / values.flatten(1).abs().amax(1)
                stored = values * scale.reshape(-1, *[1] * (values.dim() - 1))
            else:
                scale = 1024 / values.abs().max()
                stored = values * scale
            result[name], result[f"{name}_scale"] = stored.round().to(dtype), scale
    return result


def write_ctranslate2(
    path: Path, variables: dict[str, Tensor], aliases=(), version: int = 6, specification: str = "WhisperSpec"
) -> None:
    def string(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    data = [struct.pack("<I", version), string(specification), struct.pack("<II", 3, len(variables))]
    for name, tensor in variables.items():
        raw = tensor.contiguous().numpy().tobytes()
        data += [string(name), struct.pack(f"<B{tensor.dim()}I", tensor.dim(), *tensor.shape)]
        data += [struct.pack("<BI", TYPE_CODES[tensor.dtype], len(raw)), raw]
    data.append(struct.pack("<I", len(aliases)))
    data += [string(alias) + string(name) for alias, name in aliases]
    path.write_bytes(b"".join(data))


@pytest.fixture
def ctranslate2(original, tmp_path) -> tuple[Path, dict[str, Tensor]]:
    """A CTranslate2 folder of the tiny model, and its variables."""
    folder = tmp_path / "ctranslate2"
    folder.mkdir()
    shutil.copy(original / "tokenizer.json", folder)
    (folder / "config.json").write_text(json.dumps({"alignment_heads": [[1, 1]], "lang_ids": [1, 2]}))
    variables = ctranslate2_variables(load_whisper_checkpoint(original).weights, heads=2)
    write_ctranslate2(folder / "model.bin", variables)
    return folder, variables


def refusal(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_whisper_checkpoint(folder)
    return str(caught.value)


def test_folder_equals_the_huggingface_folder(original, ctranslate2):
    checkpoint, expected = load_whisper_checkpoint(ctranslate2[0]), load_whisper_checkpoint(original)
    assert checkpoint.dimensions == expected.dimensions
    assert checkpoint.alignment_heads == ((1, 1),)
    assert checkpoint.tokenizer_file == ctranslate2[0] / "tokenizer.json"
    assert checkpoint.weights.keys() == expected.weights.keys()
    for name, weight in checkpoint.weights.items():
        assert torch.equal(weight, expected.weights[name].half()), name


def test_aliases_are_followed(ctranslate2):
    folder, variables = ctranslate2
    expected = load_whisper_checkpoint(folder).weights["encoder.ln_post.bias"]
    stored = dict(variables)
    stored["decoder/layer_norm/beta"] = stored.pop("encoder/layer_norm/beta")
    aliases = [
        ("decoder/projection/weight", "decoder/embeddings/weight"),
        ("encoder/layer_norm/beta", "decoder/layer_norm/beta"),
    ]
    write_ctranslate2(folder / "model.bin", stored, aliases)
    weights = load_whisper_checkpoint(folder).weights
    assert torch.equal(weights["encoder.ln_post.bias"], expected)
    assert torch.equal(weights["decoder.ln.bias"], expected)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16])
def test_quantised_weights_are_within_half_a_step(ctranslate2, dtype):
    folder, variables = ctranslate2
    exact = load_whisper_checkpoint(folder).weights
    largest = max(tensor.abs().max() for name, tensor in variables.items() if name.endswith("/weight"))
    write_ctranslate2(folder / "model.bin", quantised(variables, dtype))
    weights = load_whisper_checkpoint(folder).weights
    assert weights.keys() == exact.keys()
    for name, weight in weights.items():
        error = (weight - exact[name].float()).flatten(1 if weight.dim() > 1 else 0).abs()
        if weight.dtype == torch.float16:
            assert error.max() == 0, name
        elif dtype == torch.int8:
            assert (error.amax(1) <= exact[name].float().flatten(1).abs().amax(1) / 127 * 0.501).all(), name
        else:
            assert error.max() <= largest / 1024 * 0.501, name
    assert weights["encoder.conv1.weight"].dtype == torch.float32


@pytest.mark.parametrize("kept", [0, 3, 10, 5000, -1])
def test_truncated_file_is_refused(ctranslate2, kept):
    file = ctranslate2[0] / "model.bin"
    file.write_bytes(file.read_bytes()[:kept])
    message = refusal(ctranslate2[0])
    assert message.startswith(f"{file} is truncated or damaged (") and message.endswith("download it again")


def test_other_files_are_refused(ctranslate2):
    folder, variables = ctranslate2
    file = folder / "model.bin"
    write_ctranslate2(file, variables, version=7)
    assert refusal(folder) == (
        f"{file} is not a CTranslate2 file of version 4 to 6 (it starts with 7): convert the model again, "
        "or give its Hugging Face folder"
    )
    write_ctranslate2(file, variables, specification="TransformerSpec")
    assert refusal(folder) == f"{file} holds a 'TransformerSpec' model: give a Whisper model"
    del variables["decoder/layer_1/attention/linear_1/bias"]
    write_ctranslate2(file, variables)
    assert refusal(folder) == (
        f"{file} lacks the variable 'decoder/layer_1/attention/linear_1/bias': convert the model again with "
        "a current CTranslate2"
    )


def test_numbers_that_fit_no_whisper_are_refused(ctranslate2):
    folder, variables = ctranslate2
    file = folder / "model.bin"
    for name, tensor in (
        ("encoder/conv1/weight", torch.ones(4)),
        ("encoder/num_heads", torch.ones(3)),
        ("encoder/num_heads", torch.tensor(torch.nan)),
        ("decoder/embeddings/weight", torch.tensor(1.0)),
        ("encoder/layer_0/self_attention/linear_0/weight", torch.ones(2, 2)),
    ):
        write_ctranslate2(file, {**variables, name: tensor})
        message = refusal(folder)
        assert message.startswith(f"{file} is truncated or damaged (") and "\n" not in message
