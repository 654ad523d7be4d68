"""The loss with label smoothing against torch's, and by hand."""

import pytest
import torch
import torch.nn.functional as F

from train.recipes.cross_entropy import smoothed_cross_entropy


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_sums_are_those_of_torch(smoothing):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(7, 50, generator=generator, requires_grad=True)
    targets = torch.randint(0, 50, (7,), generator=generator)
    loss, nll = smoothed_cross_entropy(logits, targets, smoothing)
    expected = F.cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert nll.item() == pytest.approx(F.cross_entropy(logits, targets, reduction="sum").item(), rel=1e-6)
    [gradient] = torch.autograd.grad(loss, logits, retain_graph=True)
    [expected_gradient] = torch.autograd.grad(expected, logits)
    assert torch.allclose(gradient, expected_gradient, atol=1e-6)


def test_two_equal_logits_by_hand():
    """Each has half the probability: ln 2 a position, smoothed or not."""
    loss, nll = smoothed_cross_entropy(torch.zeros(3, 2), torch.tensor([0, 1, 1]), 0.1)
    assert loss.item() == pytest.approx(3 * 0.693147, abs=1e-5)
    assert nll.item() == pytest.approx(3 * 0.693147, abs=1e-5)


def test_half_precision_is_summed_in_float32():
    logits = torch.full((1000, 10), 3.0, dtype=torch.bfloat16)
    loss, _ = smoothed_cross_entropy(logits, torch.zeros(1000, dtype=torch.int64), 0.1)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(2302.585, abs=0.01)
