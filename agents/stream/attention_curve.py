"""Where in the source a token looked: its attention over time, coarse enough to be sent and drawn.

Shapes: n tokens, T memory frames, C bins of time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

BIN_MS = 100.0  # a syllable is hardly shorter


@dataclass(frozen=True)
class AttentionCurve:
    """Attention weights of bins of BIN_MS each; no sound before and behind them was attended to."""

    begin_ms: float  # in the source: when the first bin begins
    weights: tuple[float, ...]

    @classmethod
    def sum_of(cls, curves: Sequence["AttentionCurve"]) -> "AttentionCurve":
        """Of several tokens, such as those of a word; none of them sum to an empty curve."""
        curves = [one for one in curves if one.weights]
        if not curves:
            return cls(0.0, ())
        begin_ms = min(one.begin_ms for one in curves)
        places = [round((one.begin_ms - begin_ms) / BIN_MS) for one in curves]
        total = [0.0] * max(place + len(one.weights) for place, one in zip(places, curves, strict=True))
        for place, one in zip(places, curves, strict=True):
            for at, weight in enumerate(one.weights, place):
                total[at] += weight
        return cls(begin_ms, tuple(total))


def attention_curves(attention: Tensor, end_ms: Tensor, start_ms: float) -> tuple[AttentionCurve, ...]:
    """Curves of n tokens: attention (n, T), zero where a frame holds no audio, and NaN where it is not known.

    end_ms (T,): when each frame ends, counted from start_ms in the source. A frame counts for the bin in
    which its middle lies.
    """
    frames = attention.shape[1]
    if not frames:
        return (AttentionCurve(start_ms, ()),) * len(attention)
    ends_ms = start_ms + end_ms[:frames].double()
    begins_ms = torch.cat([ends_ms.new_tensor([start_ms]), ends_ms[:-1]])
    bins = ((begins_ms + ends_ms) / (2 * BIN_MS)).long()  # (T,)
    first = int(bins.min())
    weights = attention.new_zeros(len(attention), int(bins.max()) - first + 1)  # (n, C)
    weights.index_add_(1, bins - first, attention.nan_to_num(0.0))
    return tuple(_trimmed(first, row) for row in weights.tolist())


def _trimmed(first: int, weights: Sequence[float], least: float = 0.001) -> AttentionCurve:
    """Without the bins before and behind all that is attended to; first: of `weights`."""
    places = [place for place, weight in enumerate(weights) if weight >= least]
    if not places:
        return AttentionCurve(first * BIN_MS, ())
    begin, end = places[0], places[-1] + 1
    return AttentionCurve((first + begin) * BIN_MS, tuple(weights[begin:end]))
