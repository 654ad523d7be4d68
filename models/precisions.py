"""Number formats of weights and activations, by the names that options give them."""

PRECISION_NAMES = ("float32", "bfloat16", "float16")
EIGHT_BITS = "int8"  # of a decoder's linear layers on processors (`models.layers.eight_bit_linear`)
