"""Attention in training: the precision of its kernels, and whose they are."""

import pytest
import torch
import torch.nn.functional as F

from train.recipes.attention_kernels import attention_kernels

PROCESSOR = torch.device("cpu")


def drawn(*shape, dtype):
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape))).to(dtype).requires_grad_()


@pytest.mark.parametrize("bias", [False, True], ids=["mask", "bias"])
def test_on_a_processor_it_is_differentiated_in_float32(bias):
    queries, keys, values = (
        drawn(2, 3, 4, 8, dtype=torch.bfloat16),
        *(drawn(2, 3, size, 8, dtype=torch.bfloat16) for size in (5, 5)),
    )
    mask = torch.arange(5) < torch.tensor([3, 5])[:, None, None, None]
    if bias:
        mask = torch.zeros(mask.shape, dtype=torch.bfloat16).masked_fill(~mask, -torch.inf)
    with attention_kernels(PROCESSOR), torch.autocast("cpu", torch.bfloat16):
        attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    scores = queries.double() @ keys.double().transpose(-1, -2) / 8**0.5
    hidden = torch.arange(5) >= torch.tensor([3, 5])[:, None, None, None]
    expected = scores.masked_fill(hidden, -torch.inf).softmax(-1) @ values.double()
    assert attended.dtype == torch.bfloat16
    torch.testing.assert_close(attended, expected.to(torch.bfloat16), rtol=2**-7, atol=0)  # rounded once
    ours = torch.autograd.grad(attended.float().sum(), [queries, keys, values])
    theirs = torch.autograd.grad(expected.sum(), [queries, keys, values])
    for mine, exact in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, exact, atol=1e-3, rtol=1e-2)


def test_without_gradients_and_elsewhere_nothing_changes():
    one = drawn(1, 1, 2, 8, dtype=torch.float64)
    with attention_kernels(PROCESSOR):
        with torch.no_grad():
            assert F.scaled_dot_product_attention(one, one, one).dtype == torch.float64
        assert torch.equal(one + 1, one.add(1))


def test_on_a_gpu_attention_is_not_cudnns():
    with attention_kernels(torch.device("cuda")):
        assert not torch.backends.cuda.cudnn_sdp_enabled()
        assert torch.backends.cuda.flash_sdp_enabled() and torch.backends.cuda.mem_efficient_sdp_enabled()
