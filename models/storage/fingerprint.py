"""Tells the weights of one model from those of another, whatever file they lie in."""

import hashlib
from collections.abc import Iterable, Mapping

from torch import Tensor

VALUES = 64  # of each tensor: fine-tuning changes all of them, and a large model is not read whole


def fingerprint(weights: Mapping[str, Tensor], without: Iterable[str] = ()) -> str:
    """A hash of names, shapes and some values of all weights, but for those `without`.

    The values are rounded to float16, so that a model that was stored in half precision is the same one.
    """
    digest = hashlib.sha256()
    for name in sorted(weights.keys() - set(without)):
        weight = weights[name].detach()
        values = weight.flatten()[:: max(1, weight.numel() // VALUES)].half()
        digest.update(f"{name} {tuple(weight.shape)}\n".encode())
        digest.update(values.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
