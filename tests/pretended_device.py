"""A GPU that no machine needs to have: its tensors are computed on the processor.

What a GPU refuses is refused here, too: tensors of two devices in one operation, and NumPy arrays of a
tensor that is not on the processor. `counted_waits` tells which calls would make the host wait for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

DEVICE = torch.device("cuda", 0)
# These move tensors between devices; the others take those of one.
MOVES = (Tensor.to, Tensor.copy_, Tensor.cpu, torch.as_tensor, torch.tensor)
QUESTIONS = ("_has_compatible_shallow_copy_type", "__deepcopy__")  # the first is what Module.to asks
INDEXING = (Tensor.__getitem__, Tensor.__setitem__)
# Their results are on the host, or of a size that depends on what the device computes.
WAITING = (
    *(Tensor.item, Tensor.tolist, Tensor.__bool__, Tensor.__int__, Tensor.__float__, Tensor.__index__),
    *(Tensor.nonzero, torch.nonzero, torch.equal, Tensor.equal, torch.masked_select, Tensor.masked_select),
    *(torch.unique, Tensor.unique, torch.unique_consecutive, Tensor.unique_consecutive),
)


@contextmanager
def pretended_device() -> Iterator[str]:
    """Gives the name of the device, for as long as the block lasts."""
    swaps = torch.__future__.get_swap_module_params_on_conversion()
    # Module.to cannot put one class of tensor into another.
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        with _Pretence(), mock.patch("torch.vmap", _vmap):
            yield str(DEVICE)
    finally:
        torch.__future__.set_swap_module_params_on_conversion(swaps)


@contextmanager
def counted_waits(and_copies: bool = False) -> Iterator[list[str]]:
    """Inside `pretended_device`: the names of calls that make the host wait for the device, as they come.

    and_copies: also of copies from the host that wait for nothing; a CUDA graph would repeat old numbers.
    """
    waits: list[str] = []
    with _Watch(waits, and_copies):
        yield waits


class _Watch(TorchFunctionMode):
    def __init__(self, waits: list[str], and_copies: bool) -> None:
        super().__init__()
        self.waits = waits
        self.and_copies = and_copies

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        considered = kwargs | ({"non_blocking": False} if self.and_copies else {})
        if _waits(function, args, considered):
            self.waits.append(function.__name__)
        return function(*args, **kwargs)


def _waits(function, args, kwargs) -> bool:
    there = any(isinstance(one, PretendedTensor) for one in _tensors((args, kwargs)))
    if function in MOVES:
        if function is Tensor.copy_:
            crosses = isinstance(args[0], PretendedTensor) != isinstance(args[1], PretendedTensor)
        else:
            target = _target(function, args, kwargs)
            crosses = target is not None and (target == DEVICE) != there
        # To the host nothing can be used before it is there.
        return crosses and (there or not kwargs.get("non_blocking", False))
    if function in INDEXING and isinstance(args[0], PretendedTensor):
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        return any(map(_index_waits, index))
    if function in (torch.repeat_interleave, Tensor.repeat_interleave):
        return there and kwargs.get("output_size") is None
    return there and function in WAITING


def _index_waits(index: Any) -> bool:
    """An index of the host must come to the device first; places of a mask must be counted."""
    if not isinstance(index, Tensor):
        return isinstance(index, list)
    return index.dtype == torch.bool or index.dim() > 0 and not isinstance(index, PretendedTensor)


class PretendedTensor(Tensor):
    """A tensor of the processor that says that it is on the device."""

    def __deepcopy__(self, memo: dict) -> "PretendedTensor":
        return self.detach().clone()


class _Pretence(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        kwargs.pop("pin_memory", None)  # memory for copies to a real GPU
        # What copies take along says which of its objects are copied already.
        tensors = _tensors(args[:1] if function is Tensor.__deepcopy__ else (args, kwargs))
        pretended = any(isinstance(one, PretendedTensor) for one in tensors)
        if function == Tensor.device.__get__ and pretended:
            return DEVICE
        if function in (Tensor.numpy, Tensor.__array__) and pretended:
            raise TypeError(f"a tensor of {DEVICE} is no NumPy array: call cpu() first")
        if pretended and function not in MOVES and function.__name__ not in QUESTIONS:
            _refuse_two_devices(function, args, kwargs)
        target = _target(function, args, kwargs)
        if target == DEVICE:
            args, kwargs = _replaced(args), _replaced(kwargs)
        made = function(*args, **kwargs)
        if function is Tensor.copy_:
            return made
        there = pretended if target is None else target == DEVICE
        # What worked in place, or had nothing to move, gives back the very tensor that it was given.
        if any(made is one for one in tensors) and isinstance(made, PretendedTensor) == there:
            return made
        return _all(made, PretendedTensor if there else Tensor, moved=target is not None)


_real_vmap = torch.vmap


def _vmap(function, *options, **more):
    """torch.vmap, whose inner tensors are of no class."""
    mapped = _real_vmap(function, *options, **more)

    def on_device(*args):
        there = any(isinstance(one, PretendedTensor) for one in args)
        return _all(mapped(*args), PretendedTensor if there else Tensor, moved=False)

    return on_device


def _target(function, args, kwargs) -> torch.device | None:
    """The device that a call asks for, if it asks."""
    if function is Tensor.cpu:
        return torch.device("cpu")
    asked = [kwargs.get("device"), *(args[1:2] if function is Tensor.to else ())]
    for one in asked:
        if isinstance(one, Tensor):
            return DEVICE if isinstance(one, PretendedTensor) else torch.device("cpu")
        if isinstance(one, str | torch.device):
            return torch.device(one)
    return None


def _replaced(value: Any) -> Any:
    """Arguments with the processor in the place of the device."""
    if isinstance(value, dict):
        return {key: _replaced(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return tuple(_replaced(one) for one in value)
    is_device = isinstance(value, str | torch.device) and str(value) == str(DEVICE)
    return torch.device("cpu") if is_device else value


def _all(made: Any, kind: type[Tensor], moved: bool) -> Any:
    """What an operation made, each tensor in it of a kind; one that moved has memory of its own."""
    if isinstance(made, Tensor):
        return (made.clone() if moved else made).as_subclass(kind)
    if isinstance(made, list | tuple):
        parts = [_all(one, kind, moved) for one in made]
        # Named tuples of torch take a list, those of Python their fields.
        return type(made)(*parts) if hasattr(made, "_fields") else type(made)(parts)
    return made


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [tensor for one in value for tensor in _tensors(one)]
    return []


def _refuse_two_devices(function, args, kwargs) -> None:
    if function in INDEXING and isinstance(args[0], PretendedTensor):
        args = (args[0], *args[2:])  # indices may be on the processor
    # As on a GPU, so may a single number.
    strange = [
        one for one in _tensors((args, kwargs)) if not isinstance(one, PretendedTensor) and one.dim() > 0
    ]
    if strange:
        name = getattr(function, "__name__", function)
        raise RuntimeError(f"{name} of tensors on {DEVICE} and on the processor")
