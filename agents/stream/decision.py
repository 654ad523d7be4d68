"""What an engine answers for each stream at each step."""

from dataclasses import dataclass

from agents.stream.attention_curve import AttentionCurve
from agents.stream.policy_scores import PolicyScores


@dataclass(frozen=True)
class Decision:
    """What one stream does with the audio that it has heard by now: it writes, or waits for more."""

    heard_ms: float  # source audio that had arrived
    text: str = ""  # what is new; empty where the stream waits
    tokens: tuple[int, ...] = ()
    # The time in the source that each token belongs to: where the model looked most, if the engine was asked
    # for that, else heard_ms.
    times_ms: tuple[float, ...] = ()
    scores: PolicyScores | None = None  # what the policy saw, if the engine was asked and it goes by scores
    # Where each token looked, and the one behind them that was held back, if the engine was asked.
    attention: tuple[AttentionCurve, ...] = ()
    error: Exception | None = None  # why this stream cannot go on; the streams beside it do

    def then(self, other: "Decision") -> "Decision":
        """One decision of two in a row upon the same audio, which held the end of an utterance."""
        return Decision(
            other.heard_ms,
            self.text + other.text,
            self.tokens + other.tokens,
            self.times_ms + other.times_ms,
            other.scores or self.scores,
            self.attention[: len(self.tokens)] + other.attention,
            other.error,
        )
