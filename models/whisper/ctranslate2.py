"""Reads the model.bin of a CTranslate2 (faster-whisper) Whisper folder into OpenAI's parameter names.

The file, little-endian throughout: binary version, name of the specification, its revision; a count
of variables, each with name, shape, type and data; a count of aliases, each naming a variable that
was stored once for two. Strings are a 16-bit length, the text and a zero byte. Attention projections
are fused (query, key, value in one matrix), so they are split here. Quantised weights are stored
multiplied by a scale: int8 one for each output row, int16 one for the tensor.
Source: CTranslate2's own writer, python/ctranslate2/specs/model_spec.py, binary version 6.
"""

import math
import re
import struct
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from foundation.errors import InputError
from models.storage.model_files import refuse_lfs_pointer
from models.whisper.network import WhisperDimensions

TYPES = (torch.float32, torch.int8, torch.int16, torch.int32, torch.float16, torch.bfloat16)
OLDEST_VERSION, NEWEST_VERSION = 4, 6  # before 4 the type is not stored


def read_ctranslate2(path: Path) -> tuple[WhisperDimensions, dict[str, Tensor]]:
    """Read a model.bin. Weights keep the stored type; quantised ones become float32.

    Raises InputError if the file is damaged, is of another version or holds another architecture.
    """
    refuse_lfs_pointer(path)
    try:
        variables = _read_variables(path)
        return _dimensions(variables), _openai_weights(variables)
    except InputError:  # of which ValueError is a base
        raise
    except KeyError as error:
        raise InputError(
            f"{path} lacks the variable {error.args[0]!r}: convert the model again with a current CTranslate2"
        ) from None
    except (EOFError, IndexError, OverflowError, RuntimeError, TypeError, ValueError) as error:
        # Numbers and names that fit no Whisper: shapes that cannot be split, heads that are no number.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} is truncated or damaged ({reason}): download it again") from None


def _read_variables(path: Path) -> dict[str, Tensor]:
    size = path.stat().st_size
    with path.open("rb") as file:
        version = _integer(file, "I")
        if not OLDEST_VERSION <= version <= NEWEST_VERSION:
            raise InputError(
                f"{path} is not a CTranslate2 file of version {OLDEST_VERSION} to {NEWEST_VERSION} "
                f"(it starts with {version}): convert the model again, or give its Hugging Face folder"
            )
        specification, _revision = _string(file), _integer(file, "I")
        if specification != "WhisperSpec":
            raise InputError(f"{path} holds a {specification!r} model: give a Whisper model")
        variables = dict(_variable(file, size) for _ in range(_integer(file, "I")))
        aliases = [(_string(file), _string(file)) for _ in range(_integer(file, "I"))]
    variables = {name: _dequantised(name, variables) for name in variables if not name.endswith("_scale")}
    for alias, name in aliases:
        if name in variables:
            variables[alias] = variables[name]
    return variables


def _integer(file: BinaryIO, code: str) -> int:
    """One unsigned integer by its `struct` code: B, H or I."""
    return struct.unpack("<" + code, _bytes(file, struct.calcsize(code)))[0]


def _string(file: BinaryIO) -> str:
    return _bytes(file, _integer(file, "H"))[:-1].decode()


def _bytes(file: BinaryIO, size: int) -> bytearray:
    data = bytearray(size)
    if file.readinto(data) != size:
        raise EOFError(f"it ends at byte {file.tell()}")
    return data


def _variable(file: BinaryIO, file_size: int) -> tuple[str, Tensor]:
    name = _string(file)
    shape = [_integer(file, "I") for _ in range(_integer(file, "B"))]
    dtype = TYPES[_integer(file, "B")]
    size = _integer(file, "I")
    if size != math.prod(shape) * dtype.itemsize or file.tell() + size > file_size:
        raise EOFError(f"{name} should have {size} bytes at {file.tell()}, the file has {file_size}")
    # A bytearray for each tensor keeps it writable and aligned, and the file is read only once.
    return name, torch.frombuffer(_bytes(file, size), dtype=dtype).reshape(shape)


def _dequantised(name: str, variables: dict[str, Tensor]) -> Tensor:
    stored, scale = variables[name], variables.get(f"{name}_scale")
    if scale is None:
        return stored
    return stored.float() / scale.float().reshape(-1, *[1] * (stored.dim() - 1))


def _dimensions(variables: dict[str, Tensor]) -> WhisperDimensions:
    audio_width, mels, _ = variables["encoder/conv1/weight"].shape
    vocabulary, text_width = variables["decoder/embeddings/weight"].shape
    return WhisperDimensions(
        n_mels=mels,
        n_audio_ctx=len(variables["encoder/position_encodings/encodings"]),
        n_audio_state=audio_width,
        n_audio_head=int(variables["encoder/num_heads"]),
        n_audio_layer=_layers(variables, "encoder"),
        n_vocab=vocabulary,
        n_text_ctx=len(variables["decoder/position_encodings/encodings"]),
        n_text_state=text_width,
        n_text_head=int(variables["decoder/num_heads"]),
        n_text_layer=_layers(variables, "decoder"),
    )


def _layers(variables: dict[str, Tensor], side: str) -> int:
    return len({name.split("/")[1] for name in variables if re.match(rf"{side}/layer_\d+/", name)})


def _openai_weights(variables: dict[str, Tensor]) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}

    def norm(source: str, target: str) -> None:
        weights[f"{target}.weight"] = variables[f"{source}/gamma"]
        weights[f"{target}.bias"] = variables[f"{source}/beta"]

    def linear(source: str, *targets: str) -> None:
        """Split one stored projection into equal targets; key projections of Whisper have no bias."""
        stored_weights = variables[f"{source}/weight"].chunk(len(targets))
        stored_biases = variables[f"{source}/bias"].chunk(len(targets))
        for target, weight, bias in zip(targets, stored_weights, stored_biases, strict=True):
            weights[f"{target}.weight"] = weight
            if not target.endswith(".key"):
                weights[f"{target}.bias"] = bias

    linear("encoder/conv1", "encoder.conv1")
    linear("encoder/conv2", "encoder.conv2")
    norm("encoder/layer_norm", "encoder.ln_post")
    norm("decoder/layer_norm", "decoder.ln")
    weights["decoder.token_embedding.weight"] = variables["decoder/embeddings/weight"]
    for side in ("encoder", "decoder"):
        positions = variables[f"{side}/position_encodings/encodings"]
        weights[f"{side}.positional_embedding"] = positions
        for layer in range(_layers(variables, side)):
            source, target = f"{side}/layer_{layer}", f"{side}.blocks.{layer}"
            attention = f"{target}.attn"
            norm(f"{source}/self_attention/layer_norm", f"{target}.attn_ln")
            linear(
                f"{source}/self_attention/linear_0",
                f"{attention}.query",
                f"{attention}.key",
                f"{attention}.value",
            )
            linear(f"{source}/self_attention/linear_1", f"{attention}.out")
            if side == "decoder":
                attention = f"{target}.cross_attn"
                norm(f"{source}/attention/layer_norm", f"{target}.cross_attn_ln")
                linear(f"{source}/attention/linear_0", f"{attention}.query")
                linear(f"{source}/attention/linear_1", f"{attention}.key", f"{attention}.value")
                linear(f"{source}/attention/linear_2", f"{attention}.out")
            norm(f"{source}/ffn/layer_norm", f"{target}.mlp_ln")
            linear(f"{source}/ffn/linear_0", f"{target}.mlp.0")
            linear(f"{source}/ffn/linear_1", f"{target}.mlp.2")
    return weights
