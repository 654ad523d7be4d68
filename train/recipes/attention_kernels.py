"""Which kernels attention runs on while a model learns."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode


def attention_kernels(device: torch.device) -> AbstractContextManager[None]:
    """On a processor the fused kernel in float32; on a GPU any kernel but cuDNN's.

    cuDNN's seems to plan anew for every shape of a batch; benchmarks/reina_mini has times.
    """
    if device.type == "cpu":
        return _FullPrecisionAttention()
    return sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH])


class _FullPrecisionAttention(TorchFunctionMode):
    """Attention runs in float32 where it is differentiated, also where products run in bfloat16.

    In bfloat16 the backward pass of a processor's fused kernel takes 2.5 times as long, and plain products
    spend most of their time on copies of keys. With the decoder of a mini model a step takes an eighth less.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention or not torch.is_grad_enabled():
            return func(*args, **kwargs)
        given = dict(zip(("query", "key", "value", "attn_mask"), args, strict=False)) | kwargs
        for name in ("query", "key", "value", "attn_mask"):
            if given.get(name) is not None and given[name].is_floating_point():
                given[name] = given[name].float()
        dtype = args[0].dtype if args else kwargs["query"].dtype
        with torch.autocast("cpu", enabled=False):
            return func(**given).to(dtype)
