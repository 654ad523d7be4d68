"""Rows of a beam search over many streams: which continuations live on, and where they are kept.

Shapes: R rows, W continuations of a row, M rows of the model, L tokens of a text.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def expand(
    scores: Tensor, values: Tensor, tokens: Tensor, streams: Tensor, beam: int, end: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The best continuations of each stream, best first. All is on the host.

    scores (R,), values (R, W) log-probabilities of the likeliest next tokens (R, W), streams (R,)
    ascending. Returns for each continuation its parent row, token, score, and whether it ends
    there; at most `beam` of a stream do not.
    """
    width = values.shape[1]
    present, group = streams.unique_consecutive(return_inverse=True)
    slot = torch.arange(len(streams), device=streams.device) - torch.searchsorted(group, group)
    grid = values.new_full((len(present), beam, width), -torch.inf)
    grid[group, slot] = scores[:, None] + values
    row_of = torch.zeros(len(present), beam, dtype=torch.int64, device=streams.device)
    row_of[group, slot] = torch.arange(len(streams), device=streams.device)

    best, index = grid.flatten(1).topk(width)  # (groups, W), descending
    rows = row_of.gather(1, index // width)
    tokens = tokens[rows, index % width]
    ends = tokens == end
    goes_on = (~ends & (best > -torch.inf)).cumsum(1)  # continuations so far that do not end
    # An end ranked behind `beam` better continuations is not worth a hypothesis.
    keep = (best > -torch.inf) & torch.where(ends, goes_on < beam, goes_on <= beam)
    return rows[keep], tokens[keep], best[keep], ends[keep]


def in_place(parents: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Order rows so that each parent's first child takes its place: what stays need not be copied.

    parents (M,) ascending, tokens (M,). Returns both in the new order, and the place of each in it.
    """
    count = len(parents)
    first = torch.ones_like(parents, dtype=torch.bool)
    first[1:] = parents[1:] != parents[:-1]
    stays = first & (parents < count)
    free = torch.ones_like(stays)
    free[parents[stays]] = False
    places = parents.clone()
    places[~stays] = free.nonzero()[:, 0]
    order = places.argsort()
    return parents[order], tokens[order], places


def grouped_in_place(places: Tensor, first: Tensor) -> Tensor:
    """New places of rows: some come before all others, and what can stay where it is need not be copied.

    places (R,): where the rows are, anywhere, several of them at one place perhaps; first (R,) bool: rows
    that come first. Returns (R,), all numbers from 0 to R - 1.
    """
    count, group = len(places), int(first.sum())
    order = places.argsort(stable=True)
    alone = torch.ones_like(first)  # rows but the first of those at one place
    alone[order[1:]] = places[order[1:]] != places[order[:-1]]
    stays = alone & torch.where(first, places < group, (places >= group) & (places < count))
    free = torch.ones_like(first)
    free[places[stays]] = False
    free, moving = free.nonzero()[:, 0], ~stays & first
    moved = places.clone()
    moved[moving], moved[~stays & ~first] = free[free < group], free[free >= group]
    return moved


def right_aligned(texts: Sequence[Sequence[int]]) -> Tensor:
    """(R, longest) int64: texts end in the last column, -1 stands left of their start."""
    longest = max(len(text) for text in texts)
    return torch.tensor([[-1] * (longest - len(text)) + list(text) for text in texts], dtype=torch.int64)


def is_identity(rows: Tensor, count: int) -> bool:
    return len(rows) == count and torch.equal(rows, torch.arange(count, device=rows.device))
