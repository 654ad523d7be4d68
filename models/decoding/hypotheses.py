"""What a search finds: new tokens of a stream."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Hypothesis:
    """New tokens for one stream."""

    tokens: tuple[int, ...]
    average_log_probability: float
    next_token: int  # the likeliest continuation: tells whether the last word is complete

    def until_read(self, reads: Sequence[float | None]) -> "Hypothesis":
        """What stands before the first token that must wait.

        reads: of each token and of what comes behind them, 1 where it must, and None where nobody asked.
        """
        count = next((place for place, read in enumerate(reads) if read), len(self.tokens))
        if count == len(self.tokens):
            return self
        return replace(self, tokens=self.tokens[:count], next_token=self.tokens[count])
