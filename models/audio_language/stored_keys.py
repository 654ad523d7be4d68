"""A `TokenCache` as the language models of transformers ask for one.

Shapes: R rows, G key heads, N new positions, L positions before them, d width of a head.
"""

import functools
import inspect
from typing import Any

from torch import Tensor, nn

from models.audio_language.kept_keys import KeepingPass
from models.layers.row_cache import TokenCache


@functools.cache
def cache_argument(decoder_class: type[nn.Module]) -> str:
    """transformers 5 calls the argument `cache` in models that it has revised, and 4 `past_key_values`."""
    return "cache" if "cache" in inspect.signature(decoder_class.forward).parameters else "past_key_values"


class StoredKeys:
    """A `TokenCache` as the language models of transformers ask for it."""

    def __init__(self, cache: TokenCache, keeping: KeepingPass | None = None) -> None:
        self._cache = cache
        self._keeping = keeping

    def update(
        self, keys: Tensor, values: Tensor, layer: int, *settings: Any, **more_settings: Any
    ) -> tuple[Tensor, Tensor]:
        if self._keeping is not None:
            self._keeping.observe(layer, keys, values)
        return self._cache.store_keys(layer, keys, values)
