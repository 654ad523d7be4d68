"""Key/value caches of a batch of decoding rows: explicit state, no weights.

Rows are the beams of all streams. Each has its own length (prefixes differ between streams), and
each listens to one stream's memory. `TokenCache` holds what rows attend to among their own tokens;
`RowCache` adds the memories. Cross-attention keys and values are kept once per stream: the
queries of a stream's rows are laid side by side, so that no key is ever copied for a beam.

Rows may rest: they keep what they hold, while passes are of the first A rows only.

Which rows there are, how long they are and what they listen to the host knows: keys and values alone are on
the device, which no method waits for but `RowCache`'s constructor.

Shapes: M memories, R rows, K most rows of one memory, N new tokens, L cached tokens, T memory
frames, H heads, d width of a head.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from models.decoding.beams import is_identity
from models.layers.memory_grid import MemoryGrid
from models.layers.packing import Packing
from models.layers.transfers import to_device
from models.translator import DecoderState

# Tokens that the cache grows by: large enough that growing is rare, small beside a prefix.
GROWTH_TOKENS = 32
# The same for rows, as a share of them: beams multiply in the first steps only.
GROWTH_ROWS = 0.5


class TokenCache(DecoderState):
    """Self-attention cache of R rows."""

    def __init__(self, layers: int, rows: int, device: torch.device) -> None:
        """Start with R empty rows."""
        # (row capacity, H, capacity, d) each; the rows in use come first.
        self._keys: list[Tensor | None] = [None] * layers
        self._values: list[Tensor | None] = [None] * layers
        self.device = device
        self.lengths = torch.zeros(rows, dtype=torch.int64)  # (R,) of those that do not rest
        self._resting = self.lengths[:0]  # lengths of the rows behind these
        self._longest = 0  # max of lengths
        self._filled = 0  # tokens of the longest row, resting ones too
        self._positions: Tensor | None = None  # of the pass that runs

    @property
    def rows(self) -> int:
        """How many do not rest."""
        return self.lengths.shape[0]

    @property
    def rows_held(self) -> int:
        return self.rows + self._resting.shape[0]

    @property
    def held_lengths(self) -> Tensor:
        """Of all rows, those that rest behind the others."""
        return torch.cat([self.lengths, self._resting])

    def positions(self, tokens: int) -> Tensor:
        """(R, N) positions of the next N tokens of each row, on the device."""
        if self._positions is None or self._positions.shape[1] != tokens:
            self._positions = to_device(self.lengths[:, None] + torch.arange(tokens), self.device)
        return self._positions

    def causal_mask(self, positions: Tensor) -> Tensor | None:
        """(R, 1, N, L + N) bool: a query sees the keys of its row up to and including its own position."""
        width = self._longest + positions.shape[1]
        return (torch.arange(width, device=self.device) <= positions[..., None])[:, None]

    def packing(self, lengths: Tensor, tokens: int) -> Packing | None:
        """The packing of `tokens` new tokens in each row, lengths (R,) of them real; None where all are."""
        if tokens == 1 or bool((lengths == tokens).all()):
            return None
        return Packing.of(lengths, tokens, self.device)

    def store_keys(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store keys and values (R, H, N, d) behind each row's own; return all of them (R, H, L + N, d).

        A row shorter than the longest leaves stale keys behind its end, which the mask hides and
        later tokens overwrite.
        """
        filled, width = self._filled, self._longest + keys.shape[2]
        # Where the layer lies, which need not be where the others do (`models.layers.device_map`).
        rows = torch.arange(self.rows, device=keys.device)[:, None]
        positions = self.positions(keys.shape[2]).to(keys.device)
        for held, new in ((self._keys, keys), (self._values, values)):
            stored = held[layer]
            if stored is None or stored.shape[2] < width:
                capacity = self.rows if stored is None else stored.shape[0]
                grown = new.new_empty(capacity, new.shape[1], width + GROWTH_TOKENS, new.shape[3])
                if stored is not None:
                    grown[: self.rows_held, :, :filled] = stored[: self.rows_held, :, :filled]
                held[layer] = stored = grown
            # What the mask hides is multiplied by 0, which no NaN of fresh memory survives.
            stored[: self.rows_held, :, filled:width] = 0
            stored[rows, :, positions] = new.transpose(1, 2)
        keys, values = self._keys[layer], self._values[layer]
        return keys[: self.rows, :, :width], values[: self.rows, :, :width]

    def count_tokens(self, tokens: Tensor) -> None:
        """All layers have stored their keys: tokens (R,) of them are real."""
        self.lengths = self.lengths + tokens
        self._positions = None
        self._longest = int(self.lengths.max())
        self._filled = max(self._filled, self._longest)

    def branch(self, rows: Tensor, lengths: Tensor) -> None:
        """New row i continues the first lengths[i] tokens of old row rows[i]. Both (R',), on the host."""
        self.select(rows)
        self._set_lengths(lengths, len(lengths))

    def resume(self, rows: Tensor, dropped: Tensor) -> None:
        self.select(rows)
        self.lengths[: len(dropped)] -= dropped
        self._set_lengths(self.lengths, len(dropped))

    def _set_lengths(self, lengths: Tensor, awake: int) -> None:
        """Of all rows, (R,); the first `awake` do not rest."""
        self.lengths, self._resting, self._positions = lengths[:awake], lengths[awake:], None
        self._filled = int(lengths.max()) if len(lengths) else 0
        self._longest = int(self.lengths.max()) if awake < len(lengths) else self._filled

    def select(self, rows: Tensor) -> None:
        """Only rows that are new to their place are copied, and only as far as they are filled."""
        filled, kept = self._filled, min(self.rows_held, len(rows))
        moved = (rows != torch.arange(len(rows))).nonzero()[:, 0]
        sources, moved = to_device(rows[moved], self.device), to_device(moved, self.device)
        self._set_lengths(self.held_lengths[rows], len(rows))
        for held in (self._keys, self._values):
            for layer, stored in enumerate(held):
                there = stored.device
                copied = stored[:, :, :filled].index_select(0, sources.to(there))
                if len(stored) < len(rows):
                    grown = stored.new_empty(int(len(rows) * (1 + GROWTH_ROWS)), *stored.shape[1:])
                    grown[:kept, :, :filled] = stored[:kept, :, :filled]
                    held[layer] = stored = grown
                stored[:, :, :filled].index_copy_(0, moved.to(there), copied)


class RowCache(TokenCache):
    """Self-attention cache of R rows over the cross-attention memory of M streams."""

    def __init__(
        self,
        cross: Sequence[tuple[Tensor, Tensor]],
        memory_lengths: Tensor,
        listens_to: Tensor,
        attention_heads: Sequence[tuple[int, int]] = (),
        log_counts: Tensor | None = None,
    ) -> None:
        """Start with R empty rows.

        cross: for each layer keys and values (M, H, T, d); memory_lengths (M,) frames that may be
        attended to; listens_to (R,) the memory of each row, on the host; attention_heads: (layer, head) pairs
        whose cross-attention decoding reports; log_counts (M, T) float32 of frames that stand for several.
        """
        keys = cross[0][0]
        super().__init__(len(cross), len(listens_to), keys.device)
        self.attention_heads = tuple(attention_heads)
        self._cross = list(cross)
        hidden = torch.arange(keys.shape[2], device=keys.device) >= memory_lengths[:, None]
        # (M, T), added to logits. Without padding there is none: the fast attention kernels take none.
        self._cross_bias = None
        if log_counts is not None or bool(hidden.any()):
            bias = torch.zeros_like(hidden, dtype=torch.float32) if log_counts is None else log_counts
            self._cross_bias = bias.masked_fill(hidden, -torch.inf).to(keys.dtype)
        self._memory = listens_to  # (R,) on the host
        self._laid: MemoryGrid | None = None

    @property
    def memory(self) -> Tensor:
        """(R,) on the host: what each row listens to, as a place in `cross`."""
        return self._memory[: self.rows]

    @property
    def cross(self) -> Sequence[tuple[Tensor, Tensor]]:
        """For each layer the keys and values (M, H, T, d) of the memories that rows listen to."""
        return self._cross

    @property
    def cross_bias(self) -> Tensor | None:
        """(M, T), added to logits; None: nothing is."""
        return self._cross_bias

    @property
    def self_attention(self) -> Sequence[tuple[Tensor, Tensor]]:
        """For each layer keys and values (row capacity, H, capacity, d) of the rows' own tokens."""
        return list(zip(self._keys, self._values, strict=True))

    @property
    def filled(self) -> int:
        """Tokens of the longest row, resting ones too: behind them nothing is kept."""
        return self._filled

    def move_self_attention(self, layers: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Go on in other memory, to which somebody has copied `self_attention`. Nothing there may be NaN."""
        self._keys, self._values = map(list, zip(*layers, strict=True))

    def move_cross(self, layers: Sequence[tuple[Tensor, Tensor]], bias: Tensor | None) -> None:
        """The same for `cross` and `cross_bias`."""
        self._cross, self._cross_bias = list(layers), bias

    @property
    def _grid(self) -> MemoryGrid:
        if self._laid is None:
            self._laid = MemoryGrid.of(self.memory, len(self._cross[0][0]), self.device)
        return self._laid

    def select(self, rows: Tensor) -> None:
        super().select(rows)
        self._memory = self._memory[rows]
        used, memory = self._memory.unique(return_inverse=True)
        if 4 * len(used) <= 3 * len(self._cross[0][0]):
            # Streams that are done need no place in the grid.
            used = to_device(used, self.device)
            self._cross = [(keys[used], values[used]) for keys, values in self._cross]
            if self._cross_bias is not None:
                self._cross_bias = self._cross_bias[used]
            self._memory = memory
        self._laid = None

    def resume(self, rows: Tensor, dropped: Tensor) -> None:
        super().resume(rows, dropped)
        self._laid = None

    def cross_attend(self, layer: int, queries: Tensor) -> Tensor:
        """queries (R, H, N, d) over each row's memory -> (R, H, N, d)"""
        keys, values = self._cross[layer]
        mask = None if self._cross_bias is None else self._cross_bias[:, None, None]
        laid = self._grid.lay(queries)
        attended = F.scaled_dot_product_attention(laid, keys, values, attn_mask=mask)
        return self._grid.collect(attended, queries.shape[2])

    def cross_attention(
        self, layer: int, heads: Sequence[int], queries: Tensor, rows: Tensor | None
    ) -> Tensor:
        """Sum over `heads` of the attention weights (R', T) float32 of queries (R', H, d).

        rows (R',), on the host: those that ask; None: all of them.
        """
        keys = select_heads(self._cross[layer][0], heads, 1)  # (M, h, T, d)
        whole = rows is None or is_identity(rows, self.rows)
        grid = self._grid if whole else MemoryGrid.of(self._memory[rows], len(keys), self.device)
        laid = grid.lay(select_heads(queries, heads, 1)[:, :, None])  # (M, h, K, d)
        scores = (laid @ keys.transpose(-1, -2)).float() * queries.shape[-1] ** -0.5
        if self._cross_bias is not None:
            scores = scores + self._cross_bias[:, None, None]
        return grid.collect(scores.softmax(-1), 1)[:, :, 0].sum(1)


def select_heads(heads: Tensor, chosen: Sequence[int], dim: int) -> Tensor:
    """(..., H, ...) -> (..., h, ...), in dimension `dim`."""
    return heads.index_select(dim, to_device(torch.tensor(list(chosen)), heads.device))
