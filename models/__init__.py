"""Networks, tokenizers, sound and decoding. A package of simulst-agents."""
