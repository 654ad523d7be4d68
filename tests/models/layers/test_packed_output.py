"""Packed output layers say what plain ones say."""

import pytest
import torch
import torch.nn.functional as F

from models.layers.packed_output import PackedOutput, packs

needs_packing = pytest.mark.skipif(not packs(), reason="this processor or torch has no packed layers")


@needs_packing
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("width, outputs", [(1, 1), (7, 3), (33, 129), (384, 5_001)])
def test_logits_are_those_of_the_plain_layer(width, outputs, shared):
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(outputs, width, generator=generator)
    for by_columns in (False, True):
        layer = PackedOutput(weight.T.contiguous().T if by_columns else weight, shared)
        for rows in range(1, 41):
            hidden = torch.randn(rows, width, generator=generator)
            assert torch.allclose(layer(hidden), F.linear(hidden, weight), atol=1e-5 * width**0.5, rtol=1e-5)
        hidden = hidden[:, None].expand(-1, 2, -1)
        assert torch.allclose(layer(hidden), F.linear(hidden, weight), atol=1e-5 * width**0.5, rtol=1e-5)


@needs_packing
def test_nothing_is_there_to_train_or_store():
    layer = PackedOutput(torch.ones(3, 4), is_shared=False)
    assert not [*layer.parameters()]
    assert not layer.state_dict()
