"""What a policy that goes by scores saw in one decision: for logs and reports."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PolicyScores:
    """One decision of a policy that compares a score with a limit, above which it READs."""

    limit: float
    tokens: tuple[str, ...]  # text of each token of the hypothesis
    values: tuple[float | None, ...]  # before each token, and where the hypothesis stopped
    written: int  # so many of the tokens; the others were held back

    def __post_init__(self) -> None:
        if len(self.values) != len(self.tokens) + 1 or self.written > len(self.tokens):
            raise ValueError(f"{len(self.tokens)} tokens go with one score more: {self}")
