"""Floating-point work of networks, and how fast this core does it at best."""

import time

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

PRODUCTS = (torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__)
# Linear layers whose weights lie in an order of their own (models/layers: 8 bits, packed outputs).
PREPARED_LINEAR = (
    "quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default",
    "mkldnn._linear_pointwise.default",
)


class WorkCounter(TorchFunctionMode):
    """Floating-point operations, or those in 8 bits, of the products in a network.

    All the rest is small beside them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function is F.linear or str(function) in PREPARED_LINEAR:
            self.flops += 2 * args[0].numel() * result.shape[-1]
        elif function is F.scaled_dot_product_attention:
            # Queries by keys, and weights by values.
            self.flops += 4 * args[0].numel() * args[1].shape[-2]
        elif function in PRODUCTS:
            self.flops += 2 * args[0].numel() * args[1].shape[-1]
        elif function is F.conv1d:
            self.flops += 2 * result.numel() * args[1][0].numel()
        return result


def matrix_rate(size: int = 1024, repeats: int = 8) -> float:
    """Floating-point operations a second of large float32 products on one thread."""
    one, other = torch.randn(2, size, size)
    one @ other
    started = time.process_time()
    for _ in range(repeats):
        one @ other
    return repeats * 2 * size**3 / (time.process_time() - started)
