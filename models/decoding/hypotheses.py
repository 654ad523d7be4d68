"""What a search finds: new tokens of a stream."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """New tokens for one stream."""

    tokens: tuple[int, ...]
    average_log_probability: float
    next_token: int  # the likeliest continuation: tells whether the last word is complete
