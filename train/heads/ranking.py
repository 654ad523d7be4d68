"""Ranks attention heads by how well they tell where in the audio the next token is spoken.

A head's score is the share of tokens, over all clips, whose most attended frame lies where the token is
spoken, give or take 60 ms: a head that jumps about or smears misses.

Where tokens are spoken is known from word times. Without these the heads themselves tell. Each has a
monotone path of its own (`train.heads.alignment`); the heads with most of their attention near theirs agree
on one, all heads are scored against it, and the best ones agree anew.

One kind of head would mislead: a head that follows the token just read, in place of the next one, is as sharp
and as monotone, and policies would be told of the past. No head can look further ahead than the next token,
because the model knows no other. So where the best heads agree on a path, and others look a token ahead of it
nearly as well, the former are late, and the others agree on the next path. In the end heads that hit the
token before more often than the next one score nothing.

Shapes: L layers, H heads, N tokens, T memory frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from train.heads.alignment import monotone_spans

TOLERANCE_MS = 60
NEAR_MS = 100  # of a head's own path
AGREEING = 4  # heads that make the common path
ROUNDS = 4
AHEAD = 0.8  # of the best score: heads a token ahead that reach it show that the best are late


@dataclass(frozen=True)
class HeardText:
    """What all heads attended to while one text was read."""

    attention: np.ndarray  # (L, H, N, T) float32, of the places that predict the N tokens
    frame_ms: float
    spans: np.ndarray | None = None  # (N, 2) int: first and last frame of each token, of word times


def head_scores(texts: Sequence[HeardText]) -> np.ndarray:
    """(L, H) float, from 0 to 1."""
    votes = _own_precision(texts)
    for _ in range(ROUNDS):
        best = votes.ravel().argsort(kind="stable")[::-1][:AGREEING]
        spans = [_common_spans(text, best) if text.spans is None else text.spans for text in texts]
        votes = _hits(texts, spans, TOLERANCE_MS)
        ahead = _ahead(texts, spans)
        if all(text.spans is None for text in texts) and ahead.max() > AHEAD * votes.max():
            votes = ahead
    before = [np.concatenate([span[:1], span[:-1]]) for span in spans]
    late = _hits(texts, before, 0) > _hits(texts, spans, 0)
    return np.where(late, 0.0, _hits(texts, spans, TOLERANCE_MS))


def _ahead(texts: Sequence[HeardText], spans: Sequence[np.ndarray]) -> np.ndarray:
    """(L, H): hits of the token behind the next one, of heads that hit it more often than the next."""
    behind = [np.concatenate([span[1:], span[-1:]]) for span in spans]
    is_ahead = _hits(texts, behind, 0) > _hits(texts, spans, 0)
    return np.where(is_ahead, _hits(texts, behind, TOLERANCE_MS), 0.0)


def _hits(texts: Sequence[HeardText], spans: Sequence[np.ndarray], tolerance_ms: float) -> np.ndarray:
    """(L, H): the share of tokens whose peak lies in their span (N, 2)."""
    hits, tokens = 0.0, 0
    for text, span in zip(texts, spans, strict=True):
        peaks, slack = text.attention.argmax(-1), tolerance_ms / text.frame_ms
        hits = hits + ((peaks >= span[:, 0] - slack) & (peaks <= span[:, 1] + slack)).sum(-1)
        tokens += len(span)
    return hits / tokens


def _own_precision(texts: Sequence[HeardText]) -> np.ndarray:
    """(L, H): the attention that lies near a head's own monotone path, mean over tokens, then texts."""
    near = 0.0
    for text in texts:
        layers, heads, tokens, frames = text.attention.shape
        flat = text.attention.reshape(-1, tokens, frames)
        spans, reach = monotone_spans(flat), round(NEAR_MS / text.frame_ms)
        sums = np.concatenate([np.zeros((*flat.shape[:2], 1)), flat.cumsum(-1)], -1)
        ends = np.minimum(spans[..., 1:] + reach + 1, frames)
        begins = np.maximum(spans[..., :1] - reach, 0)
        mass = np.take_along_axis(sums, ends, -1) - np.take_along_axis(sums, begins, -1)
        near = near + mass[..., 0].mean(-1).reshape(layers, heads)
    return near / len(texts)


def _common_spans(text: HeardText, best: np.ndarray) -> np.ndarray:
    """(N, 2): of the mean attention of some heads, given by their place among all L * H."""
    flat = text.attention.reshape(-1, *text.attention.shape[2:])[best]
    peaked = flat / np.maximum(flat.max(-1, keepdims=True), 1e-9)
    return monotone_spans(peaked.mean(0, keepdims=True))[0]
