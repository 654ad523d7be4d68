"""The log of one run: instances.log, which SimulEval writes and OmniSTEval reads, checked line by line.

One JSON object a line: index, prediction, delays and elapsed (one number for each word or character
written, in ms), reference, source, source_length (ms). SimulEval itself reads a log without any check.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from agents.stream.chunk_record import ChunkRecord
from evaluation.logs.chunk_log import CHUNK_LOG, read_chunk_log
from evaluation.logs.json_lines import is_time, read_json_lines, shortened
from evaluation.logs.result_folder import LOG
from evaluation.metrics.latency import LATENCY_METRICS, METRICS_BY_CLOCK, SIMULEVAL_CLOCK, TRUE_CLOCK
from evaluation.metrics.true_clock import ChunkTiming, emission_times
from evaluation.metrics.writing_system import spaceless_tokenizer
from foundation.errors import InputError

# Every field with the JSON types that it may have.
FIELDS: dict[str, tuple[type, ...]] = {
    "index": (int,),
    "prediction": (str,),
    "delays": (list,),
    "elapsed": (list,),
    "reference": (str,),
    "source": (list, str),
    "source_length": (int, float),
}


@dataclass(frozen=True)
class Utterance:
    """What a run wrote for one source, and when."""

    index: int
    prediction: str
    reference: str
    delays: tuple[float, ...]  # source heard when each unit was written, in ms
    elapsed: tuple[float, ...]  # SimulEval's clock: delays plus all computation so far, in ms
    source_ms: float
    source: str = ""  # its file

    @property
    def audio_end_ms(self) -> float:
        """When all of the audio has been heard, on the scale of the delays."""
        return self.source_ms

    def units(self, unit: str) -> list[str]:
        """The words or characters ("char") of the prediction."""
        return self.prediction.split() if unit == "word" else list(self.prediction)

    def reference_units(self, unit: str) -> int:
        """Length of the reference as SimulEval counts it, but never 0."""
        counted = self.reference.split(" ") if unit == "word" else self.reference.strip()
        return max(1, len(counted))


@dataclass(frozen=True)
class RunLog:
    """A whole run: its utterances, ordered by index."""

    path: Path
    utterances: tuple[Utterance, ...]

    usual_latency: ClassVar[tuple[str, ...]] = ("AL", "LAAL")  # by which such runs are compared
    units_of_test_set: ClassVar[str] = "utterances"  # what is resampled

    @cached_property
    def unit(self) -> str:
        """word or char: what each delay stands for. Raises InputError when it is neither."""
        # Where every output is a single character it could be both.
        for unit in ("word", "char") if self.spaceless is None else ("char", "word"):
            if all(len(one.delays) == len(one.units(unit)) for one in self.utterances):
                return unit
        odd = next(one for one in self.utterances if len(one.delays) != len(one.units("word")))
        raise InputError(
            f"{self.path}: index {odd.index} has {len(odd.delays)} delays for {len(odd.units('word'))} words "
            f"and {len(odd.units('char'))} characters: latency needs one delay for each"
        )

    @cached_property
    def spaceless(self) -> str | None:
        """BLEU's tokenizer where the references have no spaces between words; None where they do."""
        return spaceless_tokenizer([one.reference for one in self.utterances])

    def latency(self, metric: str) -> np.ndarray:
        """(N,) float64: the metric of each utterance; NaN where it has none, as without any output.

        metric is a key of LATENCY_METRICS, or one with a clock behind it that counts computation: _CA is
        SimulEval's, _TC the true one, by the chunks.jsonl beside the log (NaN for what it does not tell).
        Raises InputError for any other, for chunks of another run, and where words were counted of text
        that has no spaces between them.
        """
        self.check_unit()
        if metric not in METRICS_BY_CLOCK:
            names = ", ".join(LATENCY_METRICS)
            raise InputError(
                f"there is no latency metric {metric!r}: give {names}, or one followed by _CA or _TC"
            )
        name, clock = METRICS_BY_CLOCK[metric]
        if name not in LATENCY_METRICS:
            raise InputError(
                f"{self.path} is of single utterances, and {metric} is of long recordings: run it with their "
                "segments"
            )
        values = [
            LATENCY_METRICS[name](times, one.source_ms, one.reference_units(self.unit)) if times else math.nan
            for one in self.utterances
            for times in [self._times(one, clock)]
        ]
        return np.array(values, dtype=np.float64)

    def check_unit(self) -> None:
        """Raises InputError where words were counted of text that has no spaces between them."""
        if self.unit == "word" and self.spaceless is not None:
            raise InputError(
                f"{self.path} counts latency in words, but its references have no spaces between words: run "
                "it again with --eval-latency-unit char"
            )

    def true_times(self, utterance: Utterance) -> Sequence[float] | None:
        """When each unit was written by the true clock, in ms; None where computation is not known."""
        return self._true_times.get(utterance.index)

    @cached_property
    def decisions(self) -> Mapping[int, Sequence[ChunkRecord]] | None:
        """By index of the utterance, from the chunks.jsonl beside the log; None where there is none."""
        file = self.path.with_name(CHUNK_LOG)
        return read_chunk_log(file) if file.is_file() else None

    def _times(self, utterance: Utterance, clock: str) -> Sequence[float]:
        """When each unit was written by a clock, in ms."""
        if clock == TRUE_CLOCK:
            return self.true_times(utterance) or ()
        return utterance.elapsed if clock == SIMULEVAL_CLOCK else utterance.delays

    @cached_property
    def _true_times(self) -> Mapping[int, Sequence[float]]:
        """By index of the utterance; only those whose computation is known."""
        decisions = self.decisions or {}
        found = {}
        for one in self.utterances:
            chunks = decisions.get(one.index, ())
            if not chunks or any(chunk.compute_ms is None for chunk in chunks):
                continue
            timings = [
                ChunkTiming(chunk.arrival_ms, chunk.compute_ms, _count(chunk.text, self.unit))
                for chunk in chunks
            ]
            try:
                times = emission_times(timings)
            except InputError as error:
                file = self.path.with_name(CHUNK_LOG)
                raise InputError(f"{file}: index {one.index}: {error}") from None
            if len(times) != len(one.delays):
                raise InputError(
                    f"{self.path}: index {one.index} has {len(one.delays)} delays, but its chunks in "
                    f"{CHUNK_LOG} wrote {len(times)} units: the two are not of one run"
                )
            found[one.index] = times
        return found


def read_run_log(path: str | Path) -> RunLog:
    """Read an instances.log, or that of a folder. Raises InputError that names the file and the line."""
    path = Path(path)
    path = path / LOG if path.is_dir() else path
    if not path.exists():
        raise InputError(f"{path} does not exist: give the folder of a finished run, or its {LOG}")
    utterances: dict[int, Utterance] = {}
    for place, fields in read_json_lines(path, "did the run finish?"):
        _check_fields(fields, place)
        utterance = _utterance(fields, place)
        if utterance.index in utterances:
            raise InputError(f"{place}: index {utterance.index} has occurred before: keep one line for each")
        utterances[utterance.index] = utterance
    return RunLog(path, tuple(utterances[index] for index in sorted(utterances)))


def check_same_test_set(logs: Sequence[RunLog]) -> None:
    """Raises InputError unless all logs hold the same utterances, and count the same unit.

    Indices, references and durations must be equal. File names of the sources may differ, so that runs
    of two machines can be compared.
    """
    first, *others = logs
    for other in others:
        if type(other) is not type(first):
            raise InputError(
                f"{first.path} and {other.path} are of different test sets: one is of long recordings with "
                "segments, the other of single utterances"
            )
        if other.unit != first.unit:
            raise InputError(
                f"{first.path} counts latency in units of a {first.unit}, {other.path} of a {other.unit}: "
                "run both with the same --eval-latency-unit"
            )
        mine, theirs = ({one.index: one for one in log.utterances} for log in (first, other))
        missing = sorted(mine.keys() ^ theirs.keys())
        if missing:
            raise InputError(
                f"{first.path} and {other.path} are of different test sets: "
                f"index {missing[0]} is in one of them only ({len(mine)} and {len(theirs)} utterances)"
            )
        for index, one in mine.items():
            for field in ("reference", "source_ms"):
                values = getattr(one, field), getattr(theirs[index], field)
                if values[0] != values[1]:
                    raise InputError(
                        f"{first.path} and {other.path} are of different test sets: "
                        f"{field} of index {index} is {values[0]!r} and {values[1]!r}"
                    )


def _check_fields(fields: dict[str, Any], place: str) -> None:
    for name, types in FIELDS.items():
        if name not in fields:
            raise InputError(f"{place}: {name} is missing")
        if not isinstance(fields[name], types) or isinstance(fields[name], bool):
            raise InputError(f"{place}: {name} must not be {shortened(fields[name])}")
    if fields["index"] < 0:
        raise InputError(f"{place}: index must not be {shortened(fields['index'])}")


def _utterance(fields: dict[str, Any], place: str) -> Utterance:
    for name in ("delays", "elapsed"):
        for value in fields[name]:
            _check_number(value, name, place)
    _check_number(fields["source_length"], "source_length", place)
    if fields["source_length"] == 0:
        raise InputError(f"{place}: source_length must be above 0 ms")
    if len(fields["delays"]) != len(fields["elapsed"]):
        lengths = f"{len(fields['delays'])} delays but {len(fields['elapsed'])} elapsed"
        raise InputError(f"{place} has {lengths}: give one of each for every unit written")
    return Utterance(
        index=fields["index"],
        prediction=fields["prediction"],
        reference=fields["reference"],
        delays=tuple(map(float, fields["delays"])),
        elapsed=tuple(map(float, fields["elapsed"])),
        source_ms=float(fields["source_length"]),
        source=_source(fields["source"]),
    )


def _count(text: str, unit: str) -> int:
    """Words or characters of what one chunk wrote."""
    return len(text.split()) if unit == "word" else len(text.replace(" ", ""))


def _source(field: str | list) -> str:
    # For speech SimulEval adds what it found out about the file.
    return str(field[0]) if isinstance(field, list) and field else str(field or "")


def _check_number(value: Any, name: str, place: str) -> None:
    if not is_time(value):
        raise InputError(f"{place}: {name} must be finite numbers of ms from 0, got {shortened(value)}")
