"""Which numbers in a model's configuration can be sizes of a network.

A network is built before its weights are compared with it. One of 10^12 layers would be built for ever,
so what no model has is refused before that.
"""

MOST_LAYERS = 1_000
LARGEST = 10_000_000  # of a width, a vocabulary, a number of positions


def is_size(name: str, value: object, least: int = 1) -> bool:
    """Whether `value` can be the size called `name`: a whole number, of layers if its name says so."""
    return type(value) is int and least <= value <= (MOST_LAYERS if "layer" in name else LARGEST)
