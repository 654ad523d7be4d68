"""Commands of `simulst` that belong to this folder."""
