"""imported_scores.json: scores of each utterance, or segment, that another program computed, as XCOMET's.

    {"XCOMET-XL": {"texts": "SHA-256 of what was scored", "scores": [0.91, ...]}}

in the order of the log. A model like XCOMET wants libraries of its own, so it runs in an environment of its
own: `simulst export-scoring` writes the texts, `simulst import-scoring` reads the scores.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.logs.json_lines import is_number
from evaluation.logs.run_log import RunLog
from evaluation.table import number, read_tsv
from foundation.errors import InputError
from foundation.files.text_lines import read_lines
from foundation.files.whole_folder import replaced_file

IMPORTED_SCORES = "imported_scores.json"
# What comet-score prints: the file of translations, the place of one in it, and its score.
COMET_LINE = re.compile(r"[^\t]*\tSegment (\d+)\tscore: (\S+)\s*")
MEND = "give what comet-score printed, or a table with the columns index and score"


def imported_scores(log: RunLog) -> dict[str, np.ndarray]:
    """By metric, the scores (N,) of a run; those of other texts than the log now has are left out.

    Raises InputError for a damaged file.
    """
    return {
        name: np.array(one["scores"]) for name, one in _stored(log).items() if one["texts"] == _texts(log)
    }


def outdated_scores(log: RunLog) -> list[str]:
    """Metrics whose scores are of other texts than the log now has."""
    return [name for name, one in _stored(log).items() if one["texts"] != _texts(log)]


def import_scores(log: RunLog, metric: str, file: Path) -> None:
    """Keep a file's scores beside a log. Raises InputError unless there is one for each of its lines."""
    scores = _read_scores(file, [one.index for one in log.utterances])
    stored = {**_stored(log), metric: {"texts": _texts(log), "scores": scores}}
    with replaced_file(log.path.with_name(IMPORTED_SCORES)) as partial:
        partial.write_text(json.dumps(stored) + "\n", encoding="utf-8")


def _read_scores(file: Path, indices: Sequence[int]) -> list[float]:
    """A score for each index. comet-score counts lines of its files from 0, which are in this order."""
    lines = read_lines(file)
    if any(COMET_LINE.fullmatch(line) for line in lines):
        # It also prints a mean, and its libraries what they like.
        found = [
            (at, match[0], int(match[1]), match[2])
            for at, match in enumerate(map(COMET_LINE.fullmatch, lines), start=1)
            if match
        ]
        files = {line.partition("\t")[0] for _, line, *_ in found}
        if len(files) > 1:
            raise InputError(
                f"{file} holds scores of {len(files)} files: score, and import, one run at a time"
            )
        rows = [(f"{file} line {line}", place, text) for line, _, place, text in found]
        wanted: Sequence[int] = range(len(indices))
    else:
        table = read_tsv(file, ("index", "score"), MEND)
        rows = [(place, _index(cells["index"], place), cells["score"]) for place, cells in table]
        wanted = indices
    scores: dict[int, float] = {}
    for place, index, text in rows:
        if index in scores:
            raise InputError(f"{place} is a second score of segment {index}: give one for each")
        scores[index] = number(text, place, "score")
    if set(scores) != set(wanted):
        raise InputError(
            f"{file} holds {len(scores)} scores, {len(set(scores) & set(wanted))} of them for the "
            f"{len(wanted)} texts of this run: give one for each"
        )
    values = [scores[place] for place in wanted]
    if not np.isfinite(values).all():
        raise InputError(f"{file} holds scores that are no finite numbers: score again")
    return values


def _index(text: str, place: str) -> int:
    value = number(text, place, "index")
    if not value.is_integer():
        raise InputError(f"{place}: index must be a whole number, got {text[:60]!r}")
    return int(value)


def _texts(log: RunLog) -> str:
    texts = [(one.index, one.prediction, one.reference) for one in log.utterances]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def _stored(log: RunLog) -> Mapping[str, Any]:
    path = log.path.with_name(IMPORTED_SCORES)
    if not path.is_file():
        return {}
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        for one in stored.values():
            if not isinstance(one["texts"], str) or not all(map(is_number, one["scores"])):
                raise ValueError
            if one["texts"] == _texts(log) and len(one["scores"]) != len(log.utterances):
                raise ValueError
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise InputError(f"{path} is damaged: remove it, and import the scores again") from None
    return stored
