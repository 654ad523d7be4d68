"""Layers in 8 bits: near to float32, rows on their own, and the numbers of 8-bit files as they are."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from foundation.errors import InputError
from models.layers import eight_bit_linear
from models.layers.eight_bit_linear import EightBitLinear, input_steps, quantise_rows
from models.reina.eight_bit import from_eight_bit, to_eight_bit


def sample(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def oracle(x, weight, bias, steps):
    """In whole numbers of 64 bits."""
    weight_steps = weight.abs().amax(1) / 127
    whole_weight = (weight / weight_steps[:, None]).round().long()
    largest = x.abs().amax(-1, keepdim=True)
    whole = (x / largest * steps).round().long()
    return (whole @ whole_weight.T) * (largest / steps) * weight_steps + (0 if bias is None else bias)


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("inputs, outputs", [(1, 1), (7, 3), (33, 129), (384, 385)])
@pytest.mark.parametrize("rows", [1, 3, 40])
def test_products_are_those_of_whole_numbers(rows, inputs, outputs, with_bias):
    x, weight = sample(rows, inputs), sample(outputs, inputs, seed=1)
    bias = sample(outputs, seed=2) if with_bias else None
    actual = EightBitLinear(weight, bias)(x)
    expected = oracle(x, weight, bias, input_steps())
    # An input that lies between two steps may be rounded either way.
    assert (actual - expected).abs().max() < 0.05
    assert (actual - expected).abs().mean() < 1e-3
    # Rounding both sides to half a step leads no further astray than this.
    half_x = x.abs().amax(-1, keepdim=True) / input_steps() / 2
    half_weight = weight.abs().amax(1) / 127 / 2
    bound = half_x * weight.abs().sum(1) + half_weight * x.abs().sum(-1, keepdim=True)
    bound = bound + inputs * half_x * half_weight
    assert ((actual - F.linear(x, weight, bias)).abs() <= bound + 1e-4).all()


def test_literal_values():
    layer = EightBitLinear(torch.tensor([[127.0, 1.0], [0.5, -1.27]]), torch.tensor([10.0, 0.0]))
    # Largest value 2: 2 is 127 steps, and 1 is 63.5, which is rounded to 64, of 2 / 127.
    expected = [[10 + 127 * 2 + 64 * 2 / 127, 50 * 0.01 * 2 - 127 * 0.01 * 64 * 2 / 127]]
    if input_steps() == 127:
        assert layer(torch.tensor([[2.0, 1.0]])).tolist() == [pytest.approx(expected[0], abs=1e-4)]


def test_a_row_does_not_depend_on_its_neighbours():
    layer = EightBitLinear(sample(50, 64), sample(50, seed=2))
    x = sample(2, 20, 64, seed=1)
    x[0, 3] *= 1000
    x[1, 5] = 0
    together = layer(x)
    assert together.shape == (2, 20, 50)
    for stream in range(2):
        for row in range(20):
            assert torch.equal(together[stream, row], layer(x[stream, row][None])[0])
    assert torch.equal(together[1, 5], sample(50, seed=2))


def test_what_is_not_a_number_stays_in_its_row():
    x = sample(3, 8)
    x[1, 2] = torch.nan
    result = EightBitLinear(sample(5, 8, seed=1))(x)
    assert result[1].isnan().all()
    assert not result[[0, 2]].isnan().any()


def test_inputs_far_from_one_another_keep_their_precision():
    weight = sample(30, 16)
    x = sample(2, 16, seed=1) * torch.tensor([[1e-20], [1e20]])
    actual, exact = EightBitLinear(weight)(x), F.linear(x, weight)
    assert ((actual - exact).abs().amax(1) < 0.03 * exact.abs().amax(1)).all()


def test_weights_of_eight_bit_files_are_taken_as_they_are():
    stored = to_eight_bit({"weight": sample(100, 384)})
    whole, steps = quantise_rows(from_eight_bit(stored)["weight"])
    assert torch.equal(whole, stored["weight"])
    assert torch.allclose(steps, stored["weight.step"], rtol=1e-6)


def test_the_engine_of_others_stays():
    before = torch.backends.quantized.engine
    EightBitLinear(sample(3, 4))
    assert torch.backends.quantized.engine == before


def test_nothing_is_there_to_train_or_store():
    layer = EightBitLinear(sample(3, 4), sample(3))
    assert not [*layer.parameters()]
    assert not layer.state_dict()


def test_a_processor_that_overflows_gets_smaller_steps(monkeypatch):
    """Without VNNI two products are added in 16 bits, and 255 * 127 * 2 is more than 32,767."""
    monkeypatch.setattr(eight_bit_linear, "input_steps", lambda: 63)
    x, weight = sample(5, 64), sample(20, 64, seed=1)
    expected = oracle(x, weight, None, 63)
    assert torch.allclose(EightBitLinear(weight)(x), expected.float(), atol=0.05)


def test_a_machine_that_cannot_is_told_what_to_give(monkeypatch):
    def fails(weight):
        raise RuntimeError("Didn't find engine for operation quantized::linear_prepack NoQEngine")

    monkeypatch.setattr(eight_bit_linear, "_pack", fails)
    with pytest.raises(InputError, match="int8 cannot be computed.*give --precision float32"):
        input_steps.__wrapped__()
