"""What a run decided about one recording, as far as its logs agree; why the rest of it is not shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from agents.stream.chunk_record import ChunkRecord
from evaluation.logs.chunk_log import CHUNK_LOG
from evaluation.logs.run_log import RunLog, Utterance
from evaluation.report.segments import AlignedSegment, SegmentsOfRun, misfit, units

# Times of one moment may differ by so much, as by rounding in either log.
TOLERANCE_MS = 1.0


@dataclass(frozen=True)
class RecordingOfRun:
    """One recording as one run went through it."""

    chunks: Sequence[ChunkRecord]
    segments: Sequence[AlignedSegment] = ()
    metric: str = ""  # of the segments' scores
    notes: tuple[str, ...] = ()  # what is missing and why, without the run's name


def recording_of_run(log: RunLog, utterance: Utterance, segments: SegmentsOfRun) -> RecordingOfRun:
    """utterance: one of those of `log`; segments: those of its run, which may have none of it."""
    notes = []
    chunks = None if log.decisions is None else log.decisions.get(utterance.index, [])
    if chunks is None:
        notes.append(f"no {CHUNK_LOG}, so that words have their times, but no decision to wait is known")
    elif problem := _chunks_misfit(chunks, utterance, log.unit):
        notes.append(f"{CHUNK_LOG} is left out, for it {problem}; the two are not of one run")
        chunks = None
    if chunks is None:
        chunks = _from_delays(utterance, log.unit)
    found = segments.recordings.get(utterance.index, ())
    if problem := misfit(found, utterance, log.unit) if found else None:
        notes.append(f"segments are left out, for they {problem}")
        found = ()
    return RecordingOfRun(chunks, found, segments.metric, tuple(notes))


def _chunks_misfit(chunks: Sequence[ChunkRecord], utterance: Utterance, unit: str) -> str | None:
    if any(one.arrival_ms > other.arrival_ms for one, other in pairwise(chunks)):
        return "is not in the order of time"
    told = [(one, chunk.arrival_ms) for chunk in chunks for one in units(chunk.text, unit)]
    written = zip(utterance.units(unit), utterance.delays, strict=True)
    logged = [(one, delay) for one, delay in written if not one.isspace()]
    if [one for one, _ in told] != [one for one, _ in logged]:
        return "wrote another text than instances.log"
    if any(abs(mine - theirs) > TOLERANCE_MS for (_, mine), (_, theirs) in zip(told, logged, strict=True)):
        return "wrote its words at other times than instances.log"
    return None


def _from_delays(utterance: Utterance, unit: str) -> list[ChunkRecord]:
    """Only those decisions that wrote."""
    space = " " if unit == "word" else ""
    written = sorted(zip(utterance.delays, utterance.units(unit), strict=True), key=lambda pair: pair[0])
    return [
        ChunkRecord(delay, None, "".join(space + word for _, word in words))
        for delay, words in groupby(written, key=lambda pair: pair[0])
    ]
