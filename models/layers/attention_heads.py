"""Which attention heads the policies see: the model's alignment heads, or those of an option."""

import logging
from collections.abc import Sequence
from pathlib import Path

from foundation.errors import InputError
from models.storage.alignment_file import read_alignment_heads
from models.translator import TranslatorOptions

logger = logging.getLogger(__name__)

Heads = tuple[tuple[int, int], ...]


def check_attention_options(layers: int, heads: int, options: TranslatorOptions) -> None:
    """Raises InputError for options that name heads which a decoder of so many layers does not have."""
    if options.attention_layer is None:
        if options.attention_heads is not None:
            raise InputError("attention heads were given without a layer: add --attention-layer")
        if options.alignment_heads is not None:
            read_alignment_heads(Path(options.alignment_heads), layers, heads)
        return
    if options.alignment_heads is not None:
        raise InputError("a layer and a file of alignment heads were given: leave one of them out")
    if not 1 <= options.attention_layer <= layers:
        raise InputError(f"attention layer {options.attention_layer} does not exist: choose 1 to {layers}")
    chosen = options.attention_heads or ()
    if not all(1 <= head <= heads for head in chosen):
        raise InputError(f"attention heads {list(chosen)} are not all there: choose among 1 to {heads}")


def attention_heads(
    layers: int,
    heads: int,
    options: TranslatorOptions,
    alignment_heads: Sequence[tuple[int, int]] | None = None,
) -> Heads:
    """The (layer, head) pairs, from 0, whose mean attention the policies see.

    alignment_heads: what the model itself recommends. Those that it does not have, as where a distilled
    model names its teacher's, are dropped with a warning: ask only for policies that look at attention.
    Raises InputError as `check_attention_options`.
    """
    check_attention_options(layers, heads, options)
    if options.attention_layer is not None:
        chosen = options.attention_heads or range(1, heads + 1)
        return tuple((options.attention_layer - 1, head - 1) for head in chosen)
    if options.alignment_heads is not None:
        return read_alignment_heads(Path(options.alignment_heads), layers, heads)
    # Without known alignment heads the last layer is the usual choice (EDAtt, Papi et al. 2023).
    last = tuple((layers - 1, head) for head in range(heads))
    if not alignment_heads:
        return last
    usable = existing_heads(layers, heads, alignment_heads)
    if len(usable) < len(alignment_heads):
        logger.warning(
            "%d of the %d alignment heads that the model names are not in its %d layers of %d heads, and are "
            "dropped; policies see %s",
            len(alignment_heads) - len(usable),
            len(alignment_heads),
            layers,
            heads,
            "the others" if usable else "all heads of the last layer instead",
        )
    return usable or last


def existing_heads(layers: int, heads: int, named: Sequence[tuple[int, int]]) -> Heads:
    """Keeps the (layer, head) pairs that a decoder of so many layers and heads has."""
    return tuple((layer, head) for layer, head in named if 0 <= layer < layers and 0 <= head < heads)
