"""A linear layer in 8 bits for processors: whole numbers times whole numbers, a quarter of the memory read.

Every row of the weight (an output) is a whole number of steps from -127 to 127, as in the files of
`models.reina.eight_bit`, whose numbers are thus taken as they are. Every row of the input is divided by its
largest absolute value, and is then a whole number of fixed steps: each row has a step of its own, so that,
unlike with torch's dynamic quantisation, which takes one step for all rows, a row's result does not depend on
its neighbours.

The products are those of torch's x86 engine (FBGEMM).

Shapes: R rows, I inputs, O outputs.
"""

from functools import cache
from warnings import catch_warnings, simplefilter

import torch
from torch import Tensor, nn

from foundation.errors import InputError

STEPS = 127
ENGINE = "x86"


def quantise_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """(R, ...) -> the same in whole steps, int8, and the rows' steps (R,) float32."""
    flat = rows.float().flatten(1)
    # A row of zeros has any step.
    steps = (flat.abs().amax(1) / STEPS).clamp(min=torch.finfo(torch.float32).tiny)
    return (flat / steps[:, None]).round().to(torch.int8).view_as(rows), steps


class EightBitLinear(nn.Module):
    """In place of an `nn.Linear`, after training. Has no parameters: nothing to train or store."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        """weight (O, I), bias (O,). Raises InputError where this machine cannot do it."""
        super().__init__()
        steps = input_steps()
        self._packed = _pack(weight.detach())
        # One operator that rounds float32 to whole steps about a zero point, multiplies, and gives float32.
        self._multiply = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default
        self._step, self._zero_point = 1 / steps, steps + 1
        # A copy: a weight may lie in a file, all of which it would keep in memory.
        self._bias = None if bias is None else bias.detach().to(torch.float32, copy=True)

    def forward(self, x: Tensor) -> Tensor:
        """(..., I) -> (..., O), both float32"""
        # A row of zeros would divide by its largest value.
        largest = x.abs().amax(-1, keepdim=True).clamp_(min=torch.finfo(torch.float32).tiny)
        product = self._multiply(x / largest, self._step, self._zero_point, self._packed)
        return product.mul_(largest) if self._bias is None else torch.addcmul(self._bias, product, largest)


@cache
def input_steps() -> int:
    """Whole steps of an input on either side of 0: 127, or 63 on processors whose products would overflow.

    Those without VNNI add pairs of products in 16 bits. The answer comes from a product that would overflow.
    Raises InputError where torch cannot multiply in 8 bits.
    """
    try:
        packed = _pack(torch.ones(32, 64))
        ones = torch.ones(2, 64)
        multiply = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
        for steps in (127, 63):
            if torch.allclose(multiply(ones, 1 / steps, steps + 1, packed), torch.full((), 64.0)):
                return steps
    except (AttributeError, RuntimeError):
        pass
    raise InputError(
        "precision int8 cannot be computed by this processor and torch (x86 and FBGEMM are needed): "
        "give --precision float32"
    )


def _pack(weight: Tensor) -> torch.ScriptObject:
    """weight (O, I) in the order in which the engine reads it."""
    whole, steps = quantise_rows(weight.contiguous())
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = ENGINE
    try:
        with catch_warnings():
            # Newer versions announce that tensors of this kind will go: `input_steps` tells when they have.
            simplefilter("ignore", UserWarning)
            quantised = torch.quantize_per_channel(
                whole * steps[:, None],
                steps.double(),
                torch.zeros(len(steps), dtype=torch.int64),
                axis=0,
                dtype=torch.qint8,
            )
        return torch.ops.quantized.linear_prepack(quantised, None)
    finally:
        torch.backends.quantized.engine = before
