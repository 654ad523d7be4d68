"""Decoding steps over a few fixed shapes, each recorded once and then replayed.

A step of a large decoder is hundreds of small kernels, which a GPU runs faster than the host starts them one
by one. Results equal those of plain steps but for rounding: that of a row does not depend on the padding.

Shapes: R rows, T memory frames, V vocabulary, D width.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from models.layers.cuda_graph import Recording
from models.layers.row_cache import RowCache
from models.layers.step_room import StepPass, StepRoom, StepShape
from models.translator import DecoderOutput
from models.whisper.network import TextDecoder

logger = logging.getLogger(__name__)

MOST_ROWS = 512  # more are enough work for a GPU to be started one kernel after another
MOST_SHAPES = 64  # of more than that the oldest is forgotten
# A recording whose probabilities differ by more from those computed without it is not trusted.
TOLERANCE = 0.05

Results = tuple[Tensor, Tensor, Tensor | None]  # log-probabilities (R, V), hidden (R, 1, D), attention (R, T)


@dataclass
class _Prepared:
    """The steps of one shape."""

    cache: StepPass
    recording: Recording | None = None
    steps: int = 0  # taken so far without a recording


class StaticSteps:
    """The steps of one decoder, one cache of rows after another."""

    def __init__(
        self,
        decoder: TextDecoder,
        predict: Callable[[Tensor], Tensor],
        recording: Callable[[], Recording] | None = None,
    ) -> None:
        """predict: of the `Decoder`. recording: makes a recorder of steps; None: they are never recorded."""
        table = decoder.token_embedding.weight
        heads = decoder.blocks[0].attn.heads
        self._decoder, self._predict, self._recording = decoder, predict, recording
        self._device = table.device
        self._room = StepRoom(len(decoder.blocks), heads, table.shape[1] // heads, table.device, table.dtype)
        self._prepared: dict[tuple, _Prepared] = {}
        self._moved = 0  # of the room, when they were prepared
        self._is_off = False

    def step(self, cache: RowCache, tokens: Tensor) -> DecoderOutput | None:
        """As `Decoder.step`; None where the rows, or their memories, are too many: nothing is done then."""
        shape = StepShape.of(cache)
        if self._is_off or shape.rows > MOST_ROWS:
            return None
        try:
            self._room.take_in(cache, shape)
        except torch.OutOfMemoryError:
            self._is_off = True
            logger.warning(
                "the device has no memory left for decoding steps of static shapes: they are taken as they "
                "come, more slowly; fewer streams at once, or static_shapes: false, would leave it more"
            )
            return None
        rows, frames = cache.rows, cache.cross[0][0].shape[2]
        prepared = self._prepare(shape, cache.attention_heads)
        prepared.cache.fill(cache, tokens)
        log_probabilities, hidden, attention = self._results(prepared, rows)
        ones = torch.ones(rows, dtype=torch.int64)
        cache.count_tokens(ones)
        seen = None if attention is None else attention[:rows, :frames]
        return DecoderOutput(log_probabilities[:rows], hidden[:rows], ones, seen)

    def _prepare(self, shape: StepShape, heads: Sequence[tuple[int, int]]) -> _Prepared:
        if self._room.moved != self._moved:
            self._prepared, self._moved = {}, self._room.moved
        key = shape, heads
        if key not in self._prepared:
            if len(self._prepared) == MOST_SHAPES:
                del self._prepared[next(iter(self._prepared))]
            self._prepared[key] = _Prepared(StepPass(self._room, shape, heads, self._device))
        return self._prepared[key]

    def _results(self, prepared: _Prepared, rows: int) -> Results:
        """Of a shape's first step as it is, which sets up what libraries need; then it is worth recording."""
        if prepared.recording is not None:
            return prepared.recording.replay()
        plain = self._compute(prepared.cache)
        prepared.steps += 1
        if self._recording is None or prepared.steps == 1:
            return plain
        try:
            recording = self._recording()
            recording.capture(partial(self._compute, prepared.cache))
            replayed = recording.replay()
            difference = _difference(plain[0][:rows], replayed[0][:rows])
            reason = f"probabilities differ by {difference:g}" if not difference <= TOLERANCE else None
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
        if reason is not None:
            self._recording = None
            logger.warning(
                "decoding steps cannot be recorded as CUDA graphs here (%s): they are computed one kernel "
                "after another, more slowly; cuda_graphs: false leaves this message out",
                reason,
            )
            return self._compute(prepared.cache)
        prepared.recording = recording
        return replayed

    def _compute(self, cache: StepPass) -> Results:
        """One pass; it may be repeated, which writes the same keys to the same places."""
        tokens = cache.inputs[0][:, None]
        hidden, attention = self._decoder(tokens, cache.inputs[1], cache)
        return self._predict(hidden[:, 0]), hidden, attention


def _difference(log_probabilities: Tensor, others: Tensor) -> float:
    """The largest between two probabilities."""
    return float((log_probabilities.exp() - others.exp()).abs().max())
