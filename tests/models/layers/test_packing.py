"""Real tokens side by side: there and back, and what a decoder computes from them."""

import torch

from models.layers.packing import Packing


def test_pads_what_it_packs():
    padded = torch.arange(1, 13).reshape(3, 2, 2)
    packing = Packing.of(torch.tensor([1, 2, 1]), 2, torch.device("cpu"))
    packed = packing.pack(padded)
    assert packed.tolist() == [[[1, 2], [5, 6], [7, 8], [9, 10]]]
    assert packing.pad(packed).tolist() == [[[1, 2], [0, 0]], [[5, 6], [7, 8]], [[9, 10], [0, 0]]]
