"""A second device that no machine needs to have: its tensors are computed on the processor.

What a GPU refuses is refused here, too: tensors of two devices in one operation, and NumPy arrays of a
tensor that is not on the processor. The device is called meta:0, for meta is the one kind of device without
memory that every torch knows.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("meta", 0)
aten = torch.ops.aten
# Operations that take tensors of two devices on a GPU, too; and those whose indices may be on the processor.
COPIES = (aten._to_copy.default, aten.copy_.default)
INDEXING = (
    aten.index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
)


@contextmanager
def pretended_device() -> Iterator[str]:
    """Gives the name of a device, for as long as the block lasts."""
    swaps = torch.__future__.get_swap_module_params_on_conversion()
    with ExitStack() as stack:
        # Tensors made of Python numbers are then made here, and moved by an operation that is seen.
        torch._C._set_only_lift_cpu_tensors(True)
        stack.callback(torch._C._set_only_lift_cpu_tensors, False)
        # Module.to cannot put one kind of tensor into another.
        torch.__future__.set_swap_module_params_on_conversion(True)
        stack.callback(torch.__future__.set_swap_module_params_on_conversion, swaps)
        # Neither knows this kind of tensor or device.
        stack.enter_context(mock.patch("torch._C._InferenceMode", lambda mode: torch.no_grad()))
        stack.enter_context(mock.patch("torch.autocast", lambda *_, **__: nullcontext()))
        stack.enter_context(_Seen())
        yield str(DEVICE)


class PretendedTensor(Tensor):
    """A tensor that says that it is on the device, and holds its values here."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "PretendedTensor":
        made = Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
            requires_grad=held.requires_grad,
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return _compute(operation, args, kwargs or {})

    def tolist(self):
        return self.held.tolist()

    def numpy(self, *_, **__):
        raise TypeError(f"a tensor of {DEVICE} is no NumPy array: call cpu() first")

    __array__ = numpy

    def __repr__(self) -> str:
        return f"on {DEVICE}: {self.held!r}"


class _Seen(TorchDispatchMode):
    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        return _compute(operation, args, kwargs or {})


def _compute(operation, args, kwargs):
    pretended = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, PretendedTensor)]
    if pretended:
        _refuse_two_devices(operation, args, kwargs)
    device = kwargs.get("device")
    if device is not None and torch.device(device) == DEVICE:
        kwargs = kwargs | {"device": torch.device("cpu")}
    here = tree_map(lambda one: one.held if isinstance(one, PretendedTensor) else one, (args, kwargs))
    made = operation(*here[0], **here[1])
    if operation is aten.copy_.default:
        return args[0]
    there = torch.device(device) == DEVICE if device is not None else bool(pretended)
    if not there:
        # A copy to the processor must not be the tensor of the device itself.
        return made.clone() if pretended and operation is aten._to_copy.default else made
    return tree_map(lambda one: _on_device(one, pretended), made)


def _on_device(value, arguments):
    """The very argument where an operation worked in place."""
    if not isinstance(value, Tensor):
        return value
    same = [one for one in arguments if one.held is value]
    return same[0] if same else PretendedTensor(value)


def _refuse_two_devices(operation, args, kwargs) -> None:
    if operation in COPIES:
        return
    if operation in INDEXING:
        args, kwargs = (args[0], *args[2:]), {}
    # As on a GPU, a single number may come from the processor.
    strange = [
        one
        for one in tree_flatten((args, kwargs))[0]
        if isinstance(one, Tensor) and not isinstance(one, PretendedTensor) and one.dim() > 0
    ]
    if strange:
        raise RuntimeError(f"{operation} of tensors on {DEVICE} and on the processor")
