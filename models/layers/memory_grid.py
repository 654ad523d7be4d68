"""Queries of rows laid beside those that listen to the same memory, so that no key is copied for a row.

Shapes: R rows, M memories, K most rows of one memory, N tokens, H heads, d width of a head.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.decoding.beams import is_identity
from models.layers.transfers import to_device


def slots(memory: Tensor) -> Tensor:
    """(R,) the place of each row among those with the same memory (R,)."""
    order = memory.argsort(stable=True)
    grouped = memory[order]
    slot = torch.empty_like(memory)
    slot[order] = torch.arange(len(memory)) - torch.searchsorted(grouped, grouped)
    return slot


@dataclass(frozen=True)
class MemoryGrid:
    """Rows side by side with those that listen to the same memory."""

    memory: Tensor  # (R,) of each row, on the device
    slot: Tensor  # (R,) its place among the rows of that memory, on the device
    shape: tuple[int, int]  # (M, K)
    identity: bool  # row i listens to memory i, and no memory has another row

    @classmethod
    def of(cls, memory: Tensor, memories: int, device: torch.device) -> "MemoryGrid":
        """memory (R,), on the host; memories: M."""
        slot = slots(memory)
        most = int(slot.max()) + 1 if len(memory) else 0
        identity = is_identity(memory, memories)
        there = (memory, slot) if identity else (to_device(memory, device), to_device(slot, device))
        return cls(*there, (memories, most), identity)

    def lay(self, queries: Tensor) -> Tensor:
        """(R, H, N, d) -> (M, H, K * N, d)"""
        if self.identity:
            return queries
        heads, tokens, width = queries.shape[1:]
        grid = queries.new_zeros(*self.shape, heads, tokens, width)
        grid[self.memory, self.slot] = queries
        return grid.transpose(1, 2).flatten(2, 3)

    def collect(self, results: Tensor, tokens: int) -> Tensor:
        """(M, H, K * N, ...) -> (R, H, N, ...)"""
        if self.identity:
            return results
        return results.unflatten(2, (self.shape[1], tokens)).transpose(1, 2)[self.memory, self.slot]
