"""The recordings behind a run that was scored by segments: the page opens these, with segments in them."""

from collections.abc import Sequence

import numpy as np

from evaluation.logs.run_log import RunLog, read_run_log
from evaluation.logs.segment_log import SegmentLog
from evaluation.report.segments import AlignedSegment, SegmentsOfRun


def opened_log(log: RunLog) -> RunLog:
    """The log whose utterances can be opened: of segments their recordings', else the same.

    Raises InputError when it cannot be read.
    """
    return read_run_log(log.path.parent) if isinstance(log, SegmentLog) else log


def segments_of_run(log: SegmentLog, metric: str, scores: Sequence[float]) -> SegmentsOfRun:
    """The segments of each recording; scores: of each segment, by the metric."""
    recordings: dict[int, list[AlignedSegment]] = {}
    for one, score in zip(log.utterances, scores, strict=True):
        segment = AlignedSegment(one.offset_ms, one.source_ms, one.reference, one.prediction, float(score))
        recordings.setdefault(one.recording, []).append(segment)
    return SegmentsOfRun(recordings, metric)


def recording_weights(log: SegmentLog, opened: RunLog) -> np.ndarray:
    """(recordings, segments) float64: which segments each recording holds, as scores of resamples take it."""
    own = np.array([one.recording for one in log.utterances])
    return (np.array([[one.index] for one in opened.utterances]) == own).astype(np.float64)
