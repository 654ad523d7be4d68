"""Memory that decoding steps always run in, and the few shapes that they have there.

A CUDA graph is bound to addresses and shapes. So rows, memories, frames and tokens are padded to one of a few
sizes, and keys and values lie in memory that stays where it is from chunk to chunk: a `RowCache` moves in at
its first step. What is padding is computed too, and read by nobody.

Shapes: R rows, M memories, K most rows of one memory, T memory frames, L tokens, all padded; H heads, d width
of a head.
"""

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.layers.memory_grid import slots
from models.layers.row_cache import RowCache
from models.layers.transfers import to_device

FEWEST_TOKENS = 64
FRAMES = 256  # memories are padded to a multiple of so many frames
FINE_FROM = 32  # above it there are sizes between the powers of two


def bucket(count: int) -> int:
    """The size that so many rows are padded to: 1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 192, ..."""
    size = 1 << max(0, count - 1).bit_length()
    between = 3 * size // 4
    return between if count <= between and between > FINE_FROM else size


@dataclass(frozen=True)
class StepShape:
    """The padded sizes of a step."""

    rows: int
    slots: int  # K
    memories: int
    frames: int
    tokens: int

    @classmethod
    def of(cls, cache: RowCache) -> "StepShape":
        """The smallest that holds the next step of a cache's rows.

        Rows that rest are computed too: with each that wakes there would be another shape.
        """
        memories, _, frames, _ = cache.cross[0][0].shape
        most = int(cache.memory.bincount().max())
        tokens = max(FEWEST_TOKENS, bucket(cache.filled + 1))
        padded_frames = -(-frames // FRAMES) * FRAMES
        return cls(bucket(cache.rows_held), bucket(most), bucket(memories), padded_frames, tokens)


class StepRoom:
    """Keys and values of the cache whose steps are taken. One cache is in it at a time."""

    def __init__(self, layers: int, heads: int, width: int, device: torch.device, dtype: torch.dtype) -> None:
        """heads: H; width: d."""
        self._layers, self._heads, self._width = layers, heads, width
        # A row for the keys and one for the values of each layer; how they are laid out changes.
        self._own = torch.zeros(2 * layers, 0, device=device, dtype=dtype)
        self._cross, self._bias = self._own, self._own[0]
        self._holder: Callable[[], RowCache | None] = lambda: None  # a weak reference to the cache in here
        self.moved = 0  # times that this memory has moved: recordings of before are worth nothing

    def take_in(self, cache: RowCache, shape: StepShape) -> None:
        """Make this the memory of a cache, laid out for steps of a shape. Whose it was goes on elsewhere."""
        holder = self._holder()
        if holder is not cache:
            if holder is not None:
                holder.move_self_attention(_copied(holder.self_attention))
                bias = holder.cross_bias
                holder.move_cross(_copied(holder.cross), None if bias is None else bias.clone())
            self._holder = weakref.ref(cache)
        own, cross = cache.self_attention[0][0], cache.cross[0][0]
        if not (_begins(own, self._own) and own.shape[2] == shape.tokens and len(own) >= shape.rows):
            self._take_own(cache, shape.rows, shape.tokens)
        if not (_begins(cross, self._cross) and cross.stride(1) == shape.frames * self._width):
            self._take_cross(cache, shape)

    def _take_own(self, cache: RowCache, rows: int, tokens: int) -> None:
        layers, held, filled = cache.self_attention, cache.rows_held, cache.filled
        if _begins(layers[0][0], self._own):
            layers = _copied(layers)
        self._own = self._at_least(self._own, rows * tokens * self._heads * self._width)
        there = self._views(self._own, rows, tokens)
        for new, old in zip(_flat(there), _flat(layers), strict=True):
            new[:held, :, :filled] = old[:held, :, :filled]
        cache.move_self_attention(there)

    def _take_cross(self, cache: RowCache, shape: StepShape) -> None:
        layers, bias = cache.cross, cache.cross_bias
        if _begins(layers[0][0], self._cross):
            layers, bias = _copied(layers), bias.clone()
        memories, _, frames, _ = layers[0][0].shape
        places = shape.memories * shape.frames
        self._cross = self._at_least(self._cross, places * self._heads * self._width)
        self._bias = self._at_least(self._bias, places)
        there = [
            (keys[:memories, :, :frames], values[:memories, :, :frames]) for keys, values in self.cross(shape)
        ]
        for new, old in zip(_flat(there), _flat(layers), strict=True):
            new.copy_(old)
        # Of memories that are padding everything may be seen: an average of nothing is no number.
        bias_there = self.bias(shape).zero_()
        bias_there[:memories, frames:] = -torch.inf
        if bias is not None:
            bias_there[:memories, :frames] = bias
        cache.move_cross(there, bias_there[:memories, :frames])

    def own(self, shape: StepShape) -> list[tuple[Tensor, Tensor]]:
        """For each layer keys and values (R, H, L, d) of the rows' own tokens."""
        return self._views(self._own, shape.rows, shape.tokens)

    def cross(self, shape: StepShape) -> list[tuple[Tensor, Tensor]]:
        """For each layer keys and values (M, H, T, d) of the memories."""
        return self._views(self._cross, shape.memories, shape.frames)

    def bias(self, shape: StepShape) -> Tensor:
        """(M, T), added to logits of cross-attention."""
        return self._bias[: shape.memories * shape.frames].view(shape.memories, shape.frames)

    def _views(self, flat: Tensor, count: int, length: int) -> list[tuple[Tensor, Tensor]]:
        shape = count, self._heads, length, self._width
        views = [one[: count * self._heads * length * self._width].view(shape) for one in flat]
        return list(zip(views[: self._layers], views[self._layers :], strict=True))

    def _at_least(self, flat: Tensor, size: int) -> Tensor:
        if flat.shape[-1] >= size:
            return flat
        self.moved += 1
        # What is masked is multiplied by 0, which no NaN of fresh memory survives.
        return flat.new_zeros(*flat.shape[:-1], size)


class StepPass:
    """What a decoder asks of a cache, for one new token of each row in a `StepRoom`."""

    def __init__(
        self, room: StepRoom, shape: StepShape, heads: Sequence[tuple[int, int]], device: torch.device
    ) -> None:
        """heads: (layer, head) pairs whose cross-attention is reported."""
        self.attention_heads = tuple(heads)
        self._own, self._cross, self._bias = room.own(shape), room.cross(shape), room.bias(shape)
        self._shape = shape
        # Of each row: its token, its position, and its place in the grid of memories and slots, which has one
        # place more, for padding; where that takes its results from does not matter.
        self.inputs = torch.zeros(4, shape.rows, dtype=torch.int64, device=device)
        self._rows = torch.arange(shape.rows, device=device)
        self._tokens = torch.arange(shape.tokens, device=device)
        layers = {layer for layer, _ in heads}
        self._heads = {
            layer: to_device(torch.tensor([head for at, head in heads if at == layer]), device)
            for layer in layers
        }

    def fill(self, cache: RowCache, tokens: Tensor) -> None:
        """Bring in what the step is about: tokens (R',) of the cache's rows, on the host."""
        rows = cache.rows
        inputs = torch.zeros(4, self._shape.rows, dtype=torch.int64)
        inputs[2] = self._shape.memories * self._shape.slots
        inputs[0, :rows] = tokens
        # Padding may stand where other rows rest: it must write behind their ends.
        inputs[1, : cache.rows_held] = cache.held_lengths
        inputs[2:, :rows] = cache.memory * self._shape.slots + slots(cache.memory)
        self.inputs.copy_(to_device(inputs, self.inputs.device), non_blocking=True)

    def positions(self, tokens: int) -> Tensor:
        """(R, 1)"""
        return self.inputs[1][:, None]

    def causal_mask(self, positions: Tensor) -> Tensor:
        """(R, 1, 1, L) bool"""
        return (self._tokens <= positions[..., None])[:, None]

    def packing(self, lengths: Tensor, tokens: int) -> None:
        """One token of each row leaves nothing to pack."""

    def store_keys(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (R, H, 1, d) -> all of them (R, H, L, d)"""
        for held, new in zip(self._own[layer], (keys, values), strict=True):
            held[self._rows, :, self.inputs[1]] = new[:, :, 0]
        return self._own[layer]

    def count_tokens(self, tokens: Tensor) -> None:
        """Does nothing: the cache counts them."""

    def cross_attend(self, layer: int, queries: Tensor) -> Tensor:
        """queries (R, H, 1, d) over each row's memory -> (R, H, 1, d)"""
        keys, values = self._cross[layer]
        laid = self._lay(queries[:, :, 0])
        attended = F.scaled_dot_product_attention(laid, keys, values, attn_mask=self._seen)
        return self._collect(attended)[:, :, None]

    def cross_attention(self, layer: int, heads: Sequence[int], queries: Tensor, rows: None) -> Tensor:
        """Sum over `heads` of the attention weights (R, T) float32 of queries (R, H, d)."""
        chosen = self._heads[layer]
        keys = self._cross[layer][0].index_select(1, chosen)  # (M, h, T, d)
        laid = self._lay(queries.index_select(1, chosen))
        scores = (laid @ keys.transpose(-1, -2)).float() * queries.shape[-1] ** -0.5
        return self._collect((scores + self._seen).softmax(-1)).sum(1)

    @property
    def _seen(self) -> Tensor:
        return self._bias[:, None, None]

    def _lay(self, queries: Tensor) -> Tensor:
        """(R, H, d) -> (M, H, K, d)"""
        places = self._shape.memories * self._shape.slots
        grid = queries.new_zeros(places + 1, *queries.shape[1:])
        grid[self.inputs[2]] = queries
        return grid[:places].unflatten(0, (self._shape.memories, self._shape.slots)).transpose(1, 2)

    def _collect(self, results: Tensor) -> Tensor:
        """(M, H, K, ...) -> (R, H, ...)"""
        return results.transpose(1, 2).flatten(0, 1)[self.inputs[3]]


def _begins(view: Tensor, flat: Tensor) -> bool:
    """Whether a view lies at the beginning of this memory."""
    return view.data_ptr() == flat.data_ptr()


def _copied(layers: Sequence[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    return [(keys.clone(), values.clone()) for keys, values in layers]


def _flat(layers: Sequence[tuple[Tensor, Tensor]]) -> list[Tensor]:
    return [one for layer in layers for one in layer]
