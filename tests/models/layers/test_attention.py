import pytest
import torch
import torch.nn.functional as F

from models.layers.attention import attend
from models.translator import TranslatorOptions


@pytest.mark.parametrize("queries", [1, 3])
@pytest.mark.parametrize("precision, tolerance", [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)])
def test_attention_is_that_of_pytorch(queries, precision, tolerance):
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(5, 2, length, 8, generator=generator).to(precision) for length in (queries, 7, 7))
    mask = (torch.arange(7) < torch.tensor([1, 7, 3, 4, 6])[:, None])[:, None, None].expand(5, 1, queries, 7)
    for visible in (mask, None):
        expected = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=visible)
        assert (attend(q, k, v, visible).float() - expected).abs().max() < tolerance
    assert torch.equal(attend(q, k, v, mask)[0, :, 0], v[0, :, 0])  # one visible key


def test_what_is_hidden_does_not_matter():
    q, k, v = torch.randn(3, 1, 2, 1, 4)
    mask = torch.tensor([[[[True]]]])
    longer = torch.cat([k, 1e30 * torch.ones(1, 2, 1, 4)], 2), torch.cat([v, torch.ones(1, 2, 1, 4)], 2)
    hidden = torch.tensor([[[[True, False]]]])
    assert torch.equal(attend(q, *longer, hidden), attend(q, k, v, mask))


def test_a_translator_on_a_gpu_leaves_cudnns_attention_alone(monkeypatch):
    """It plans for every length that it has not met, and the keys of a decoder grow at each step."""
    here = torch.zeros(1)  # in place of the GPU that is not here
    monkeypatch.setattr("models.translator.torch.zeros", lambda *_, **__: here)
    enabled = torch.backends.cuda.cudnn_sdp_enabled()
    try:
        torch.backends.cuda.enable_cudnn_sdp(True)
        TranslatorOptions(device="cpu").torch_device()
        assert torch.backends.cuda.cudnn_sdp_enabled()
        TranslatorOptions(device="cuda").torch_device()
        assert not torch.backends.cuda.cudnn_sdp_enabled()
    finally:
        torch.backends.cuda.enable_cudnn_sdp(enabled)
