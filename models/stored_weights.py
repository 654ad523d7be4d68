"""Reads the files of a model folder, and checks weights against the network that they are for."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.errors import InputError


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises InputError for anything else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON ({error}): download it again") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold a JSON object, found {type(content).__name__}: download it again")
    return content


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name, in the number format in which they are stored. Raises InputError if damaged."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is truncated or damaged ({error}): download it again") from None


def write_safetensors(path: Path, weights: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    path.touch()
    mode = path.stat().st_mode
    save_file(weights, path, metadata)
    # The library lets nobody but their owner read them, whatever the umask says.
    path.chmod(mode)


def check_weights(path: Path, expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    """Raises InputError, naming `path`, unless `weights` has the names and shapes of `expected`."""
    missing = [name for name in expected if name not in weights]
    unexpected = [name for name in weights if name not in expected]
    mis_shaped = [
        f"{name} {tuple(weights[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    faults = [
        f"{len(names)} {fault} ({some(names)})"
        for fault, names in (("missing", missing), ("unexpected", unexpected), ("mis-shaped", mis_shaped))
        if names
    ]
    if faults:
        raise InputError(
            f"the weights in {path} do not fit the sizes it declares: tensors {', '.join(faults)}; "
            "download the model again, or mend its configuration"
        )


def some(names: Iterable[object], count: int = 3) -> str:
    """The first `count` names, and a sign that there are more."""
    names = [str(name) for name in names]
    return ", ".join(names[:count]) + (", ..." if len(names) > count else "")
