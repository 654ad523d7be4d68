"""instances.resegmented.jsonl: what a run over long recordings wrote, segment by segment of the references.

One JSON object a line, in the order of the segment file, under the name and with the keys that OmniSTEval
has for it:

    {"index": 7, "docid": 0, "segid": 7, "prediction": "Hello there", "reference": "Hello, you there!",
     "source_length": 2150.0, "emission_cu": [700.0, 1200.0], "emission_ca": [...],
     "time_to_recording_end": 61000.0, ...}

docid counts recordings, segid the segments of each. Times are in ms from the segment's start on, below 0 for
words written before. Besides OmniSTEval's keys there are emission_tc (the true clock, where computation is
known), wav, offset, and time_to_audio_end, which may be later than the end of the last segment.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.logs.json_lines import MAXIMUM_MS, is_count, is_number, read_json_lines, shortened
from evaluation.logs.run_log import RunLog, Utterance
from evaluation.metrics.latency import LONG_FORM_METRICS, METRICS_BY_CLOCK, SIMULEVAL_CLOCK, TRUE_CLOCK
from foundation.errors import InputError
from foundation.files.whole_folder import replaced_file

SEGMENT_LOG = "instances.resegmented.jsonl"
MEND = "make it again by simulst evaluate --rescore"

TEXTS = ("prediction", "reference", "wav")
COUNTS = ("index", "docid", "segid")
DURATIONS = ("source_length", "time_to_recording_end", "time_to_audio_end", "offset")
CLOCKS = {"": "emission_cu", SIMULEVAL_CLOCK: "emission_ca", TRUE_CLOCK: "emission_tc"}


@dataclass(frozen=True, kw_only=True)
class SegmentUtterance(Utterance):
    """What was aligned to one segment: an utterance whose times count from the segment's start."""

    recording: int  # its place among the recordings
    place: int  # its place in the recording
    wav: str
    offset_ms: float
    last_end_ms: float  # when the last segment of its recording ends
    audio_left_ms: float  # from the segment's start to the end of the recording's audio
    true_times: tuple[float, ...] | None  # when each unit was written by the true clock; None: not known

    @property
    def audio_end_ms(self) -> float:
        return self.audio_left_ms

    def times(self, clock: str) -> Sequence[float]:
        """When each unit was written by a clock, in ms from the segment's start; empty if not known."""
        if clock == TRUE_CLOCK:
            return self.true_times or ()
        return self.elapsed if clock == SIMULEVAL_CLOCK else self.delays


@dataclass(frozen=True)
class SegmentLog(RunLog):
    """A whole run, with segments in place of utterances. It has no decisions: these are of recordings."""

    utterances: tuple[SegmentUtterance, ...]

    usual_latency = LONG_FORM_METRICS
    units_of_test_set = "segments"
    decisions = None

    def latency(self, metric: str) -> np.ndarray:
        """(N,) float64: the metric of each segment; NaN where it has none, as without any word.

        metric is LongYAAL or StreamLAAL, or one with a clock behind it, as of RunLog. Raises InputError for
        any other, and where OmniSTEval is missing.
        """
        name, clock = METRICS_BY_CLOCK.get(metric, (metric, ""))
        if name not in LONG_FORM_METRICS:
            raise InputError(
                f"{self.path} is of long recordings, which have no latency metric {metric!r}: give "
                f"{', '.join(LONG_FORM_METRICS)}, or one followed by _TC or _CA"
            )
        self.check_unit()
        from evaluation.metrics.long_form import segment_latency  # OmniSTEval is an extra

        values = [
            segment_latency(name, one.times(clock), one.reference, self.unit, one.source_ms, one.last_end_ms)
            for one in self.utterances
        ]
        return np.array(values, dtype=np.float64)

    def late_percent(self, clock: str) -> float:
        """The part of all units that LongYAAL leaves out, in percent: the last segment had ended by then.

        NaN where the clock is not known, or nothing was written.
        """
        late, written = self.late_units(clock)
        return 100 * late / written if written else math.nan

    def late_units(self, clock: str) -> tuple[int, int]:
        """How many units LongYAAL leaves out, and how many were written at all."""
        late = [time >= one.last_end_ms for one in self.utterances for time in one.times(clock)]
        return sum(late), len(late)


def write_segment_log(log: SegmentLog) -> None:
    """Write the file at `log.path`."""
    with replaced_file(log.path) as partial, partial.open("w", encoding="utf-8") as file:
        for one in log.utterances:
            line: dict[str, Any] = {
                "index": one.index,
                "docid": one.recording,
                "segid": one.place,
                "prediction": one.prediction,
                "reference": one.reference,
                "source_length": one.source_ms,
                "emission_cu": one.delays,
                "emission_ca": one.elapsed,
                "time_to_recording_end": one.last_end_ms,
                "time_to_audio_end": one.audio_left_ms,
                "wav": one.wav,
                "offset": one.offset_ms,
            }
            if one.true_times is not None:
                line["emission_tc"] = one.true_times
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def read_segment_log(path: Path) -> SegmentLog:
    """Read such a file. Raises InputError that names the file and the line."""
    found: dict[int, SegmentUtterance] = {}
    for place, fields in read_json_lines(path, MEND):
        utterance = _segment(fields, place)
        if utterance.index in found:
            raise InputError(f"{place}: index {utterance.index} has occurred before: {MEND}")
        found[utterance.index] = utterance
    return SegmentLog(path, tuple(found[index] for index in sorted(found)))


def _segment(fields: dict[str, Any], place: str) -> SegmentUtterance:
    for names, is_right in (
        (TEXTS, lambda value: isinstance(value, str)),
        (COUNTS, is_count),
        (DURATIONS, lambda value: is_number(value) and 0 <= value <= MAXIMUM_MS),
        (tuple(CLOCKS.values())[:2], _is_times),
        (("emission_tc",), lambda value: value is None or _is_times(value)),
    ):
        for name in names:
            if not is_right(fields.get(name)):
                raise InputError(f"{place}: {name} must not be {shortened(fields.get(name))}: {MEND}")
    times = [fields["emission_cu"], fields["emission_ca"], fields.get("emission_tc")]
    if len({len(some) for some in times if some is not None}) > 1 or fields["source_length"] == 0:
        raise InputError(f"{place} needs as many times by each clock, and a source_length above 0: {MEND}")
    delays, elapsed, true_times = (None if some is None else tuple(map(float, some)) for some in times)
    return SegmentUtterance(
        index=fields["index"],
        prediction=fields["prediction"],
        reference=fields["reference"],
        delays=delays,
        elapsed=elapsed,
        source_ms=float(fields["source_length"]),
        recording=fields["docid"],
        place=fields["segid"],
        wav=fields["wav"],
        offset_ms=float(fields["offset"]),
        last_end_ms=float(fields["time_to_recording_end"]),
        audio_left_ms=float(fields["time_to_audio_end"]),
        true_times=true_times,
    )


def _is_times(value: Any) -> bool:
    return isinstance(value, list) and all(is_number(one) and abs(one) <= MAXIMUM_MS for one in value)
