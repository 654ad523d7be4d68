"""Monotone alignment of a text with frames of audio, by the attention of many heads at once.

Shapes: K heads, N tokens, T memory frames (T >= N).
"""

import numpy as np


def monotone_spans(attention: np.ndarray) -> np.ndarray:
    """(K, N, 2) int: first and last frame of each token on each head's best monotone path.

    attention (K, N, T). Dynamic time warping: the tokens share all T frames among them in their order, at
    least one each, so that the sum of attention over the path is greatest; a token's attention counts in
    parts of its peak, for what matters is where it looks, not how sharply. Raises ValueError for more tokens
    than frames.
    """
    heads, tokens, frames = attention.shape
    if tokens > frames:
        raise ValueError(f"{tokens} tokens cannot share {frames} frames")
    gain = attention / np.maximum(attention.max(-1, keepdims=True), 1e-9)
    total = np.full((heads, tokens), -np.inf)  # of the best path to each token at the present frame
    total[:, 0] = gain[:, 0, 0]
    moved = np.zeros((frames, heads, tokens), bool)  # the path came from the token before
    for frame in range(1, frames):
        before = np.concatenate([np.full((heads, 1), -np.inf), total[:, :-1]], 1)
        moved[frame] = before > total
        total = np.maximum(before, total) + gain[:, :, frame]
    spans = np.empty((heads, tokens, 2), int)
    spans[:, -1, 1] = frames - 1
    head, token = np.arange(heads), np.full(heads, tokens - 1)
    for frame in range(frames - 1, 0, -1):
        left = moved[frame, head, token]
        spans[head[left], token[left], 0] = frame
        token = token - left
        spans[head[left], token[left], 1] = frame - 1
    spans[:, 0, 0] = 0
    return spans
