"""Matrices in 8 bits for files: half the size of float16. Models compute with what is read back.

Every row of a matrix (output channel of a layer, token of a table) is a whole number of steps from -127 to
127; the step is stored beside it, as NAME.step. Rounding is thus at most half a step: 0.4% of a row's largest
weight. Vectors stay as they are, and so do tables of positions, which are added rather than multiplied.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from models.layers.eight_bit_linear import quantise_rows

SUFFIX = ".step"


def to_eight_bit(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Stored form of tensors by name: matrices (R, ...) as int8 with steps (R,) float32."""
    stored: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if weight.dim() < 2 or "position" in name:
            stored[name] = weight
            continue
        stored[name], stored[name + SUFFIX] = quantise_rows(weight)
    return stored


def from_eight_bit(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by name, those that were stored in 8 bits in float32."""
    weights: dict[str, Tensor] = {}
    for name, weight in stored.items():
        if weight.dtype == torch.int8 and name + SUFFIX in stored:
            steps = stored[name + SUFFIX]
            weights[name] = weight.float() * steps.view(-1, *[1] * (weight.dim() - 1))
        elif not (name.endswith(SUFFIX) and name.removesuffix(SUFFIX) in stored):
            weights[name] = weight
    return weights
