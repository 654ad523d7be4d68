"""Networks that are built to be loaded: their tensors have shapes, but neither memory nor values.

On torch's device "meta" arithmetic and initialisation are done by Python code, which imports sympy and the
compiler (torch._dynamo): over a second of computation, for values that loading replaces.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


@contextmanager
def without_values() -> Iterator[None]:
    """Networks built in this block are on the device "meta", and nothing initialises them."""
    with torch.device("meta"), _WithoutInitialisation():
        yield


def first_values(compute: Callable[[], Tensor], *shape: int) -> Tensor:
    """What a new network begins with: compute(), of this shape; in `without_values` the shape alone."""
    return torch.empty(shape) if torch.get_default_device().type == "meta" else compute()


class _WithoutInitialisation(TorchFunctionMode):
    """The functions of torch.nn.init return their tensor as it is."""

    def __torch_function__(
        self,
        function: Callable,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(function, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return function(*args, **kwargs)
