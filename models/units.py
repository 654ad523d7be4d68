"""Emission units: what may be shown of a hypothesis, in whole words or whole characters."""

from collections.abc import Sequence

from torch import Tensor

# Written without spaces between words: emitted and counted in characters.
CHARACTER_LANGUAGES = frozenset({"zh", "yue", "ja", "th", "lo", "km", "my", "bo"})


def complete_units(
    tokens: Sequence[int], next_token: int, units_started: Tensor, end_of_sequence: int, limit: int | None = None
) -> int:
    """How many of `tokens` form whole words: those before the last place where a new word begins.

    A word is complete once something begins behind it: punctuation that is still to come would
    otherwise be torn off it. next_token is what follows `tokens`; at most `limit` words are taken.
    """
    begun, complete = 0, 0
    for place, token in enumerate((*tokens, next_token)):
        started = int(units_started[token])
        if started or token == end_of_sequence:
            complete = place
        begun += started
        if limit is not None and begun > limit:
            break
    return complete
