"""Keys and values of a causal language model that stay from chunk to chunk: what comes first never changes.

A row is `text before the audio | audio | text behind it | what is written`. The text before the audio is the
same in every chunk, and so are the first frames of an encoder that never changes them again (`FinalFrames`):
whatever comes behind, a causal model makes the same of both. All further frames, and all text behind them,
must be read anew with every chunk.

Shapes: R rows, G key heads, N new positions, n positions of one row, d width of a head.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.layers.growing_rows import GrowingRows
from models.layers.row_cache import TokenCache


class KeptKeys:
    """Keys and values of the first `length` positions of a sequence, in every layer."""

    def __init__(self, layers: int) -> None:
        self.length = 0
        # Keys and values of each layer, (n, G, d) each; None while there are none.
        self._layers: list[tuple[GrowingRows, GrowingRows] | None] = [None] * layers

    def copy(self) -> "KeptKeys":
        """Equal to this one, and no longer so when one of them is extended."""
        copied = KeptKeys(len(self._layers))
        for layer in range(len(self._layers) if self.length else 0):
            copied.extend(layer, *self.first(layer, self.length))
        copied.length = self.length
        return copied

    def first(self, layer: int, count: int) -> tuple[Tensor, Tensor]:
        """Keys and values (count, G, d), count from 1 to `length`: views, valid until the next change."""
        keys, values = self._layers[layer]
        return keys.rows[:count], values.rows[:count]

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> None:
        """Put keys and values (n, G, d) of a layer behind the first `length`.

        They count once `length` says so, which must be when all layers have them: a pass that failed half-way
        leaves nothing.
        """
        if self._layers[layer] is None:
            self._layers[layer] = GrowingRows(keys[:0]), GrowingRows(values[:0])
        for held, new in zip(self._layers[layer], (keys, values), strict=True):
            held.truncate(self.length)
            held.extend(new)


@dataclass(frozen=True)
class Beginning:
    """How a row begins: positions whose keys are known, and how many of those behind them are to be kept."""

    kept: KeptKeys
    known: int  # of what is kept, which may be more: a later memory of the stream has more final frames
    new: int  # final positions behind the known ones


class KeepingPass:
    """Sees the keys of a pass of R rows, and keeps those that are final."""

    def __init__(self, beginnings: Sequence[Beginning]) -> None:
        self._growing = [(row, one) for row, one in enumerate(beginnings) if one.new]

    def observe(self, layer: int, keys: Tensor, values: Tensor) -> None:
        """Of one layer, (R, G, N, d): those of the pass alone."""
        for row, one in self._growing:
            one.kept.extend(layer, *(some[row, :, : one.new].transpose(0, 1) for some in (keys, values)))

    def finish(self) -> None:
        """All layers have been seen."""
        for _, one in self._growing:
            one.kept.length = one.known + one.new


def open_cache(layers: int, beginnings: Sequence[Beginning], device: torch.device) -> TokenCache:
    """A cache of R rows that hold what is known of them."""
    cache = TokenCache(layers, len(beginnings), device)
    some = next((one for one in beginnings if one.known), None)
    if some is None:
        return cache
    for layer in range(layers):
        nothing = tuple(part[:0] for part in some.kept.first(layer, 1))
        known = [one.kept.first(layer, one.known) if one.known else nothing for one in beginnings]
        keys, values = (
            pad_sequence(list(parts), batch_first=True).transpose(1, 2) for parts in zip(*known, strict=True)
        )
        cache.store_keys(layer, keys, values)
    cache.count_tokens(torch.tensor([one.known for one in beginnings]))
    return cache
