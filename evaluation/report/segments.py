"""Segments of a long recording: its reference in parts, each with what a run wrote of it.

Whoever cuts a run's text into segments hands them to `write_report`; the page then shows each segment with
the time at which its last word was written, its texts and its score.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evaluation.logs.run_log import Utterance
from foundation.errors import InputError


@dataclass(frozen=True)
class AlignedSegment:
    """One segment of a recording, and the part of a run's text that was aligned to it."""

    offset_ms: float  # where it starts in the recording
    duration_ms: float
    reference: str
    hypothesis: str  # may be empty
    score: float | None = None  # of this segment; None where it has none

    def __post_init__(self) -> None:
        for name, value, fits in (
            ("offset_ms", self.offset_ms, self.offset_ms >= 0),
            ("duration_ms", self.duration_ms, self.duration_ms > 0),
            ("score", self.score or 0.0, True),
        ):
            if not (fits and math.isfinite(value)):
                raise InputError(
                    f"a segment at {self.offset_ms} ms has {name} {value}: offset_ms must be from 0, "
                    "duration_ms above 0, and a score finite or None"
                )


@dataclass(frozen=True)
class SegmentsOfRun:
    """The segments of all recordings of one run."""

    recordings: Mapping[int, Sequence[AlignedSegment]] = field(default_factory=dict)  # by index
    metric: str = ""  # what `score` is, with its unit, such as "LAAL (s)"


def misfit(segments: Sequence[AlignedSegment], utterance: Utterance, unit: str) -> str | None:
    """Why segments cannot be of this text and recording, as the rest of a sentence; None where they can.

    Their hypotheses in a row must be the text: when each was written follows from counting its words.
    """
    if any(one.offset_ms > other.offset_ms for one, other in zip(segments, segments[1:], strict=False)):
        return "are not in the order of time"
    late = next((one for one in segments if one.offset_ms >= utterance.source_ms), None)
    if late is not None:
        return f"go on at {late.offset_ms / 1000:.1f} s, where the recording has ended"
    written = [one for segment in segments for one in units(segment.hypothesis, unit)]
    if written != units(utterance.prediction, unit):
        return "hold another text than instances.log"
    return None


def units(text: str, unit: str) -> list[str]:
    """The words of a text, or its characters but for spaces, as the page counts them."""
    return text.split() if unit == "word" else list("".join(text.split()))
