"""What the tokens of decisions were attended to: the time of each, and its attention over time."""

from collections.abc import Sequence

from agents.stream.attention_curve import AttentionCurve, attention_curves
from agents.stream.policy_questions import PolicyQuestions
from agents.stream.steps import DueStream
from models.decoding.hypotheses import Hypothesis
from models.translator import Memory


def token_times_ms(
    due: Sequence[DueStream],
    memory: Memory,
    listens_to: Sequence[int],
    questions: PolicyQuestions,
    hypotheses: Sequence[Hypothesis],
) -> list[list[float]]:
    """For each stream the time in the source that each token of its hypothesis belongs to.

    Stream s hears row listens_to[s] of `memory`. Where no frames were kept, it is all that had been heard.
    """
    if questions.frames is None:
        pairs = zip(due, hypotheses, strict=True)
        return [[one.stream.audio.heard_ms] * len(hypothesis.tokens) for one, hypothesis in pairs]
    ends_ms = memory.end_ms.cpu()
    return [
        [one.stream.audio.start_ms + float(ends_ms[heard, int(frame)]) for frame in frames[:-1]]
        for one, heard, frames in zip(due, listens_to, questions.frames.of(hypotheses), strict=True)
    ]


def token_curves(
    due: Sequence[DueStream],
    memory: Memory,
    listens_to: Sequence[int],
    questions: PolicyQuestions,
    hypotheses: Sequence[Hypothesis],
) -> list[tuple[AttentionCurve, ...]]:
    """For each stream where each token of its hypothesis looked, and the one behind them; else empty."""
    if questions.attention is None:
        return [()] * len(due)
    ends_ms = memory.end_ms.cpu()
    looked = questions.attention.vectors_of(hypotheses)
    return [
        attention_curves(weights, ends_ms[heard], one.stream.audio.start_ms)
        for one, heard, weights in zip(due, listens_to, looked, strict=True)
    ]
