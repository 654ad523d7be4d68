"""Texts that begin other texts: a causal decoder that has read the longer one has read the shorter."""

from collections.abc import Sequence


def holders(texts: Sequence[Sequence[int]]) -> list[int]:
    """For each text the place of one that begins with it and that no other text continues."""
    order = sorted(range(len(texts)), key=texts.__getitem__)
    result = [0] * len(texts)
    # Sorted, all texts that continue one stand right behind it.
    for at, after in zip(reversed(order), [None, *reversed(order)], strict=False):
        begins_next = after is not None and texts[after][: len(texts[at])] == texts[at]
        result[at] = result[after] if begins_next else at
    return result
