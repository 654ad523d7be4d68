"""The log of a run over long recordings -> the same by segments, which is what its scores are of."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.configuration.evaluation_file import Configuration
from evaluation.configuration.recordings import SLACK_S, Recording, read_recordings
from evaluation.logs.run_log import RunLog, Utterance
from evaluation.logs.segment_log import SEGMENT_LOG, SegmentLog, SegmentUtterance
from foundation.errors import InputError
from models.languages import canonical_language

logger = logging.getLogger(__name__)


def resegment(configuration: Configuration, log: RunLog) -> SegmentLog:
    """Give what was written to the segments of the references. `log` has a line for each recording.

    Warns where words are lost on the way. Raises InputError for a log of other recordings or references than
    the configuration names.
    """
    from evaluation.metrics.long_form import segment_places  # OmniSTEval is an extra

    options = configuration.evaluation
    unit = options.eval_latency_unit
    language = canonical_language(configuration.agent_options.target_language)
    if options.alignment_tokenizer == "none":
        language = None
    recordings = read_recordings(options)
    _check_same_recordings(log, recordings, unit)
    first = [0]  # the index of each recording's first segment
    for recording in recordings:
        first.append(first[-1] + len(recording.segments))
    segments: list[SegmentUtterance] = []
    lost = 0
    for one in log.utterances:
        units = one.units(unit)
        if len(units) != len(one.delays):
            raise InputError(
                f"{log.path}: index {one.index} has {len(one.delays)} delays for {len(units)} units of a "
                f"{unit}: was it run with another --eval-latency-unit?"
            )
        recording = recordings[one.index]
        references = [_as_counted(text, unit) for text in recording.references]
        places = segment_places(units, references, unit, language)
        lost += len(units) - sum(map(len, places))
        times = {"delays": one.delays, "elapsed": one.elapsed, "true_times": log.true_times(one)}
        written = [(" " if unit == "word" else "").join(units[place] for place in own) for own in places]
        for number, segment in enumerate(_timed(recording, one, places, times)):
            texts = {"prediction": written[number], "reference": references[number]}
            segments.append(SegmentUtterance(index=first[one.index] + number, **texts, **segment))
    if lost:
        logger.warning("%s: %d words of which the tokenizer leaves nothing are in no segment", log.path, lost)
    return SegmentLog(log.path.with_name(SEGMENT_LOG), tuple(segments))


def _timed(
    recording: Recording,
    utterance: Utterance,
    places: Sequence[Sequence[int]],
    times: Mapping[str, Sequence[float] | None],
) -> Iterator[dict[str, Any]]:
    """All fields of each segment but index and texts.

    places: of its units; times: of all units, by each clock.
    """
    # In this order, as OmniSTEval computes: another would round otherwise.
    last_end_ms = max(one.offset_s * 1000 + one.duration_s * 1000 for one in recording.segments)
    for number, (segment, own) in enumerate(zip(recording.segments, places, strict=True)):
        offset_ms = segment.offset_s * 1000
        yield {
            "source_ms": segment.duration_s * 1000,
            "recording": utterance.index,
            "place": number,
            "wav": segment.wav,
            "offset_ms": offset_ms,
            "last_end_ms": last_end_ms - offset_ms,
            "audio_left_ms": max(0.0, utterance.source_ms - offset_ms),
        } | {
            name: None if some is None else tuple(some[place] - offset_ms for place in own)
            for name, some in times.items()
        }


def _as_counted(reference: str, unit: str) -> str:
    return reference if unit == "word" else reference.replace(" ", "")


def _check_same_recordings(log: RunLog, recordings: Sequence[Recording], unit: str) -> None:
    for one in log.utterances:
        if one.index >= len(recordings):
            raise InputError(f"{log.path} has index {one.index}, but there are {len(recordings)} recordings")
        if one.reference != recordings[one.index].joint_reference(unit):
            raise InputError(
                f"{log.path}: the references of index {one.index} are not those of "
                f"{recordings[one.index].path} any more: segments or target have changed, so run it again"
            )
        heard, named = Path(one.source).name, Path(recordings[one.index].path).name
        if one.source and heard != named:
            raise InputError(
                f"{log.path}: index {one.index} is a run of {heard}, but the segments are of {named}: "
                "segments have changed, so run it again"
            )
        for segment in recordings[one.index].segments:
            if 1000 * (segment.end_s - SLACK_S) > one.source_ms or 1000 * segment.offset_s >= one.source_ms:
                raise InputError(
                    f"{segment.place} lies at {segment.offset_s:g} to {segment.end_s:g} s, but {named} of "
                    f"{log.path} ends at {one.source_ms / 1000:.2f} s: segments have changed, or are of "
                    "another recording"
                )
