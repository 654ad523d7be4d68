"""Numbers between the host and the device that a model runs on, such that a GPU is seldom waited for.

What a search counts and compares (which rows live, their tokens, lengths and places) are small numbers that
the host needs at every step. They stay on the host; the device gets copies without anybody waiting, and what
it says comes back in one transfer, since each makes the host wait for all work before it. On a processor both
are the same memory, and nothing is copied.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on `device`; nobody waits until it is there."""
    if device.type == "cpu":
        return tensor
    if device.type == "cuda" and torch.cuda.is_initialized():
        # From other memory CUDA copies only once all work before it is done.
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def to_host(*tensors: Tensor) -> Sequence[Tensor]:
    """Tensors of one device on the host, all by one transfer."""
    if tensors[0].device.type == "cpu":
        return tensors
    # Larger numbers first: each then begins at a multiple of its size.
    order = sorted(range(len(tensors)), key=lambda at: -tensors[at].element_size())
    raw = [tensors[at].contiguous().flatten().view(torch.uint8) for at in order]
    parts = torch.cat(raw).cpu().split([len(part) for part in raw])
    here = {
        at: part.view(tensors[at].dtype).view(tensors[at].shape)
        for at, part in zip(order, parts, strict=True)
    }
    return [here[at] for at in range(len(tensors))]
