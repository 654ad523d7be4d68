"""Number formats of weights and activations, by the names that options give them."""

PRECISION_NAMES = ("float32", "bfloat16", "float16")
