"""Which attention heads the policies see: the model's alignment heads, or those of an option."""

from collections.abc import Sequence

from models.errors import InputError
from models.translator import TranslatorOptions


def attention_heads(
    layers: int,
    heads: int,
    options: TranslatorOptions,
    alignment_heads: Sequence[tuple[int, int]] | None = None,
) -> tuple[tuple[int, int], ...]:
    """The (layer, head) pairs, from 0, whose mean attention the policies see.

    alignment_heads: what the model itself recommends. Raises InputError for heads that do not exist.
    """
    if options.attention_layer is None:
        if options.attention_heads is not None:
            raise InputError("attention heads were given without a layer: add --attention-layer")
        # Without known alignment heads the last layer is the usual choice (EDAtt, Papi et al. 2023).
        return tuple(alignment_heads or ((layers - 1, head) for head in range(heads)))
    if not 1 <= options.attention_layer <= layers:
        raise InputError(f"attention layer {options.attention_layer} does not exist: choose 1 to {layers}")
    chosen = options.attention_heads or range(1, heads + 1)
    if not all(1 <= head <= heads for head in chosen):
        raise InputError(f"attention heads {list(chosen)} are not all there: choose among 1 to {heads}")
    return tuple((options.attention_layer - 1, head - 1) for head in chosen)
