"""Tokens that must not come next, whatever the model says.

Shapes: R rows, V vocabulary, L tokens of text so far.
"""

import torch
from torch import Tensor


def begin_new_word(
    log_probabilities: Tensor, units_started: Tensor, end_of_sequence: int, has_text: Tensor
) -> Tensor:
    """For the first new token of a chunk: nothing is glued to a word that has been shown.

    log_probabilities (R, V); units_started (V,) words that begin with each token; has_text (R,) rows
    that have committed text. Those may only begin another word, or end.
    """
    continues = units_started == 0  # (V,)
    continues[end_of_sequence] = False
    return log_probabilities.masked_fill(has_text[:, None] & continues, -torch.inf)


def block_ngrams(log_probabilities: Tensor, text: Tensor, size: int) -> Tensor:
    """Forbid tokens that would repeat an n-gram of the row's own text: loops are cut.

    log_probabilities (R, V); text (R, L) token ids, -1 left of a row's start. Size 0 forbids nothing.
    """
    if size == 0 or text.shape[1] < size:
        return log_probabilities
    windows = text.unfold(1, size, 1)  # (R, L - size + 1, size)
    tail = text[:, -(size - 1) :]
    repeats = (windows[..., :-1] == tail[:, None]).all(-1) & (tail >= 0).all(-1, keepdim=True)
    rows, places = repeats.nonzero(as_tuple=True)
    if len(rows) == 0:
        return log_probabilities
    log_probabilities = log_probabilities.clone()
    log_probabilities[rows, windows[rows, places, -1]] = -torch.inf
    return log_probabilities
