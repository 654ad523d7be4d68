"""Emission units: what may be shown of a hypothesis, in whole words or whole characters."""

from collections.abc import Sequence

from torch import Tensor

# Written without spaces between words: emitted and counted in characters.
CHARACTER_LANGUAGES = frozenset({"zh", "yue", "ja", "th", "lo", "km", "my", "bo"})


def complete_units(
    tokens: Sequence[int], next_token: int, units_started: Tensor, limit: int | None = None
) -> int:
    """How many of `tokens` form whole words: those before the last place where a new word begins.

    next_token is what would follow `tokens`; at most `limit` words are taken. A word is complete only
    once another begins behind it. That the model would end there proves nothing while audio is still
    to come: the word may be cut short by the audio's edge, and its punctuation has not been heard.
    """
    begun, complete = 0, 0
    for place, token in enumerate((*tokens, next_token)):
        started = int(units_started[token])
        if started:
            complete = place
        begun += started
        if limit is not None and begun > limit:
            break
    return complete
