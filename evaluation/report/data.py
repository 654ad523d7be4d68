"""What the page of a sweep shows, as plain lists and numbers: systems, runs, NoSE, utterances."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from evaluation.logs.run_log import RunLog
from evaluation.logs.segment_log import SegmentLog
from evaluation.metrics.degenerate import FLAGS, count_flags, flags
from evaluation.metrics.latency import METRICS_BY_CLOCK, is_in_ms
from evaluation.metrics.nose import joint_signature
from evaluation.metrics.significance import mean_of
from evaluation.report.audio import audio_link
from evaluation.report.long_form import opened_log, recording_weights, segments_of_run
from evaluation.report.recordings import recording_of_run
from evaluation.report.scores import SweepScores, finite
from evaluation.report.segments import SegmentsOfRun
from evaluation.report.utterances import pack, packed_utterance
from evaluation.sweeps.finished_sweep import FinishedSweep

# By which single utterances are compared: unlike BLEU it is defined for a sentence.
SENTENCE_METRIC = "chrF"


def sweep_data(
    scores: SweepScores, maximum_size: int, segments: Mapping[Path, SegmentsOfRun] = MappingProxyType({})
) -> dict[str, Any]:
    """The data of one language pair.

    maximum_size: characters of all utterances that can be opened, which are the first ones, one at least;
    segments: of long recordings, by the path of a run's log.
    """
    sweep, logs = scores.sweep, scores.sweep.logs
    opened = [opened_log(log) for log in logs]
    for log, other in zip(logs, opened, strict=True):
        if isinstance(log, SegmentLog):
            each = sweep.quality(log, SENTENCE_METRIC).sentence_scores(len(log.utterances))
            segments = {**segments, other.path: segments_of_run(log, SENTENCE_METRIC, each)}
    packets = _packets(sweep, opened, maximum_size, segments)
    place = {log.path: at for at, log in enumerate(logs)}
    system_of = {log.path: at for at, system in enumerate(sweep.systems) for log in system.runs.values()}
    return {
        "languages": sweep.languages,
        "unit": logs[0].unit,
        "sentences": len(opened[0].utterances),
        "included": len(packets),
        "audio_ms": round(sum(one.source_ms for one in opened[0].utterances)),
        "quality": scores.quality,
        "latency": scores.latency,
        "milliseconds": scores.milliseconds,
        "axes": {"quality": sweep.axes.quality, "latency": sweep.axes.latency},
        "flags": FLAGS,
        "systems": [
            {"name": system.name, "offline": None if system.offline is None else place[system.offline.path]}
            for system in sweep.systems
        ],
        "runs": [
            {
                "id": at,
                "system": system_of.get(log.path),
                "offline": log.path not in system_of,
                "setting": log.path.parent.name,
                "scores": scores.of_run(log),
                "flags": count_flags(log),
            }
            for at, log in enumerate(logs)
        ],
        "nose": _nose(scores),
        "notes": scores.notes(),
        "index": pack(_index(sweep, opened, scores.latency, len(packets))),
        "packets": packets,
    }


def _nose(scores: SweepScores) -> dict[str, Any]:
    found = scores.nose
    axes, estimates = scores.sweep.axes, list(found.estimates.values())
    shown: dict[str, Any] = {
        "quality": axes.quality,
        "latency": axes.latency,
        "rows": [
            {
                "system": place,
                "score": one.score.score,
                "low": one.interval.low if one.interval else None,
                "high": one.interval.high if one.interval else None,
            }
            for place, one in found.estimates.items()
        ],
        "problems": [*found.without_curve, *([found.problem] if found.problem else [])],
    }
    if estimates:
        # The page has all times in ms, and shows them in s.
        factor = 1000 if is_in_ms(axes.latency) else 1
        shown["bounds"] = [bound * factor for bound in estimates[0].score.bounds]
        shown["signature"] = joint_signature([one.score for one in estimates])
    return shown


def _index(
    sweep: FinishedSweep, opened: Sequence[RunLog], latency: Sequence[str], utterances: int
) -> dict[str, Any]:
    """What the list of utterances shows and sorts by: of each run, a score of each utterance."""
    first, unit = opened[0].utterances[:utterances], opened[0].unit
    logs = list(zip(sweep.logs, opened, strict=True))
    by_utterance = [name for name in latency if name in METRICS_BY_CLOCK]
    return {
        "index": [one.index for one in first],
        "reference": [one.reference for one in first],
        "source_ms": [one.source_ms for one in first],
        "latency": {
            name: [
                [finite(value) for value in _latencies(log, other, name)[:utterances].tolist()]
                for log, other in logs
            ]
            for name in by_utterance
        },
        "chrf": [
            [round(score, 1) for score in _sentence_scores(sweep, log, other, utterances)]
            for log, other in logs
        ],
        # Only those that have any, by their places.
        "flags": [
            {at: found for at, one in enumerate(log.utterances[:utterances]) if (found := flags(one, unit))}
            for log in opened
        ],
    }


def _latencies(log: RunLog, opened: RunLog, name: str) -> np.ndarray:
    """(N,) of each utterance that can be opened; of a recording the mean over its segments."""
    if isinstance(log, SegmentLog):
        return mean_of(log.latency(name), recording_weights(log, opened))
    return log.latency(name)


def _sentence_scores(sweep: FinishedSweep, log: RunLog, opened: RunLog, utterances: int) -> np.ndarray:
    """(utterances,) of each utterance that can be opened; of a recording over its segments."""
    quality = sweep.quality(log, SENTENCE_METRIC)
    if isinstance(log, SegmentLog):
        return quality.resampled_scores(recording_weights(log, opened)[:utterances])
    return quality.sentence_scores(utterances)


def _packets(
    sweep: FinishedSweep, logs: Sequence[RunLog], maximum_size: int, segments: Mapping[Path, SegmentsOfRun]
) -> list[str | list[str]]:
    packets, size = [], 0
    by_index = [{one.index: one for one in log.utterances} for log in logs]
    for utterance in logs[0].utterances:
        runs = [
            recording_of_run(log, of_log[utterance.index], segments.get(log.path, SegmentsOfRun()))
            for log, of_log in zip(logs, by_index, strict=True)
        ]
        packet = packed_utterance(utterance, runs, logs[0].unit, audio_link(utterance.source, sweep.folder))
        size += len(packet) if isinstance(packet, str) else sum(map(len, packet))
        if packets and size > maximum_size:
            break
        packets.append(packet)
    return packets
