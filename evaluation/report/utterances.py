"""One utterance after the other, as all runs of a sweep went through it: what the report unpacks on demand.

The runs of a short utterance are nearly the same text, so they are compressed together: that keeps the page
of 1000 utterances x 40 runs at a few megabytes. Those of a long recording are compressed one by one: gzip
finds what is alike no further than 32 KB apart, and only the runs that are looked at need to be unpacked.
"""

import base64
import gzip
import json
from collections.abc import Sequence
from typing import Any

from agents.stream.policy_scores import PolicyScores
from evaluation.logs.run_log import Utterance
from evaluation.report.audio import BAR_MS, loudness
from evaluation.report.recordings import RecordingOfRun
from evaluation.report.segments import units

GZIP_WINDOW = 32_768


def pack(content: Any) -> str:
    """base64 of gzipped JSON. The same content gives the same text at any time."""
    return base64.b64encode(gzip.compress(_json(content).encode(), mtime=0)).decode("ascii")


def packed_utterance(
    utterance: Utterance, runs: Sequence[RecordingOfRun], unit: str, link: str | None
) -> str | list[str]:
    """One text of all; or of a long recording one of what its runs share, then one of each run.

    runs: each run about this utterance; unit: word or char; link: the address of its audio on the page.
    `utterance/packets.js` says how it is unpacked.
    """
    # Runs with chunks of the same length share their times of arrival.
    grids: dict[tuple[float, ...], int] = {}
    shared: dict[str, Any] = {
        "source": utterance.source,
        "link": link,
        "bar_ms": BAR_MS,
        "loudness": loudness(utterance.source),
    }
    segments = next((run.segments for run in runs if run.segments), ())
    if segments:
        shared["segments"] = [[one.offset_ms, one.duration_ms, one.reference] for one in segments]
    packed = [_run(run, grids, shared.get("segments"), unit) for run in runs]
    shared["grids"] = list(grids)
    if max((len(_json(run)) for run in packed), default=0) > GZIP_WINDOW:
        return [pack(shared), *map(pack, packed)]
    return pack({**shared, "runs": packed})


def _run(run: RecordingOfRun, grids: dict, segments: list[list[Any]] | None, unit: str) -> dict[str, Any]:
    chunks, notes = run.chunks, list(run.notes)
    grid = tuple(round(chunk.arrival_ms, 1) for chunk in chunks)
    fields: dict[str, Any] = {
        "grid": grids.setdefault(grid, len(grids)),
        "written": [[at, chunk.text] for at, chunk in enumerate(chunks) if chunk.text],
    }
    compute = [chunk.compute_ms for chunk in chunks]
    if compute and None not in compute:
        fields["compute"] = [round(ms) for ms in compute]
    scores = [_scores(at, chunk.scores) for at, chunk in enumerate(chunks) if chunk.scores]
    if scores:
        fields["scores"] = scores
    if run.segments:
        if [[one.offset_ms, one.duration_ms, one.reference] for one in run.segments] == segments:
            # The texts follow from the lengths: they stand in `written`.
            fields["segments"] = [
                [len(units(one.hypothesis, unit)), None if one.score is None else round(one.score, 4)]
                for one in run.segments
            ]
            fields["metric"] = run.metric
        else:
            notes.append("segments are left out, for they are other ones than those of another run")
    if notes:
        fields["notes"] = notes
    return fields


def _scores(at: int, scores: PolicyScores) -> list[Any]:
    values = [value if value is None else round(value, 3) for value in scores.values]
    return [at, scores.written, scores.limit, scores.tokens, values]


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
