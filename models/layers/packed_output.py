"""An output layer in the order in which oneDNN reads it, for processors.

Logits are a large part of a decoding step, and most of that is reading the weight from memory. MKL, which
`F.linear` calls in float32, reads a weight by rows badly once there are a few rows of input; oneDNN's own
order is read at full speed by any number of rows (`benchmarks/linear_layers.py`).

The operators are those that torch's compiler puts into what it compiles for processors. `torch.ops` has them
only under names with an underscore, so that they may go: `packs` asks first.

Shapes: R rows, D width, V vocabulary.
"""

from functools import cache
from platform import machine

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PROCESSORS = ("x86_64", "AMD64")  # where it was measured


@cache
def packs() -> bool:
    """Whether this processor and this torch have packed layers."""
    return (
        machine() in PROCESSORS
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


class PackedOutput(nn.Module):
    """Hidden states to logits by a weight (V, D) in float32. Has no parameters: nothing to train or store."""

    def __init__(self, weight: Tensor, is_shared: bool) -> None:
        """is_shared: the weight is kept as the table of tokens in any case, and then serves single rows."""
        super().__init__()
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), None)
        self._multiply = torch.ops.mkldnn._linear_pointwise.default
        self._plain = weight.detach() if is_shared else None

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., D) -> (..., V)"""
        # One row is a product of matrix and vector, at which MKL is as fast or faster.
        if self._plain is not None and hidden.numel() == hidden.shape[-1]:
            return F.linear(hidden, self._plain)
        return self._multiply(hidden, self._packed, None, "none", [], "")
