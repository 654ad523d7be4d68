"""What logs keep of a decision."""

from dataclasses import dataclass

from agents.stream.policy_scores import PolicyScores


@dataclass(frozen=True)
class ChunkRecord:
    """One decision about one chunk of audio. Times are in ms."""

    arrival_ms: float  # end of the chunk in the source
    compute_ms: float | None  # wall-clock time of taking the audio in and of decoding; None: not known
    text: str  # what was written
    scores: PolicyScores | None = None  # what the policy saw, if it goes by scores
