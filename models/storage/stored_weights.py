"""Reads and writes weights, and checks them against the network that they are for."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from foundation.errors import InputError
from models.storage.model_files import is_file, read_json, refuse_lfs_pointer


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name, in the number format in which they are stored. Raises InputError if damaged."""
    refuse_lfs_pointer(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is truncated or damaged ({error}): download it again") from None


def read_folder_weights(folder: Path) -> dict[str, Tensor]:
    """Tensors of a Hugging Face folder, in one file or in shards. Raises InputError if some are missing."""
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.exists():
        return read_safetensors(single)
    if index.exists():
        return read_shards(index)
    if list(folder.glob("model*.safetensors*")):
        raise InputError(f"{folder} has shards of weights but no {index.name}: download that too")
    raise InputError(f"{folder} holds no weights: it needs {single.name}, or shards with {index.name}")


def read_shards(index: Path) -> dict[str, Tensor]:
    """Tensors of all files that model.safetensors.index.json names. Raises InputError if one is damaged."""
    named = read_json(index).get("weight_map")
    if not isinstance(named, dict) or not named:
        raise InputError(f"{index} names no files (its weight_map is no object): download it again")
    # A name with a folder could lie anywhere on this machine.
    wrong = [name for name in named.values() if not isinstance(name, str) or set(name) & {"/", "\\", "\0"}]
    if wrong:
        raise InputError(f"{index} names {str(wrong[0])!r:.80}, which is no file name: download it again")
    files = {name: index.parent / name for name in sorted(set(named.values()))}
    absent = [f"{name:.80}" for name, file in files.items() if not is_file(file)]
    if absent:
        raise InputError(f"{index.parent} lacks {some(absent)} named in {index.name}: download the rest")
    stored: dict[str, Tensor] = {}
    for file in files.values():
        stored |= read_safetensors(file)
    lacking = [name for name in named if name not in stored]
    if lacking:
        raise InputError(
            f"{index} names {len(lacking)} tensors that its files lack ({some(lacking)}): index and files "
            "are of two models, or one is damaged; download them again"
        )
    return stored


def write_safetensors(path: Path, weights: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Raises InputError, before anything is written, for weights that are not finite."""
    check_finite(path.name, weights, "train again from an earlier checkpoint, or store them in float32")
    path.touch()
    mode = path.stat().st_mode
    save_file(weights, path, metadata)
    # The library lets nobody but their owner read them, whatever the umask says.
    path.chmod(mode)


def check_weights(path: Path, expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    """Raises InputError, naming `path`, unless `weights` is finite with names and shapes of `expected`."""
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
    check_finite(path, weights, "download the model again, or take an earlier checkpoint")


def check_finite(place: object, weights: Mapping[str, Tensor], how_to_mend: str) -> None:
    """Raises InputError that names the first tensor with NaN or infinite numbers, and counts such tensors."""
    broken = [name for name, tensor in weights.items() if not _is_finite(tensor)]
    if broken:
        count = int((~torch.isfinite(weights[broken[0]])).sum())
        others = f", and {len(broken) - 1} more tensors" if len(broken) > 1 else ""
        raise InputError(
            f"{place}: {broken[0]} has {count} numbers that are NaN or infinite{others}: {how_to_mend}"
        )


def _is_finite(tensor: Tensor) -> bool:
    if not tensor.is_floating_point() or not tensor.numel() or tensor.dtype.itemsize == 1:
        return True
    # One pass without a copy: NaN and infinities all show in one of the extremes.
    least, most = torch.aminmax(tensor)
    return bool(torch.isfinite(least) and torch.isfinite(most))


def some(names: Iterable[object], count: int = 3) -> str:
    """The first `count` names, and a sign that there are more."""
    names = [str(name) for name in names]
    return ", ".join(names[:count]) + (", ..." if len(names) > count else "")
