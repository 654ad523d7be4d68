"""The logs of a development run as the organisers will read them: by OmniSTEval, and whether they agree."""

from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from omnisteval.alignment import Word
from omnisteval.data import (
    get_segmentation_order,
    load_hypothesis_jsonl,
    load_hypothesis_simulstream,
    load_reference,
)

from evaluation.configuration.evaluation_file import Configuration
from evaluation.configuration.evaluation_options import EvaluationOptions
from evaluation.configuration.recordings import read_recordings
from evaluation.logs.result_folder import LOG
from serve.submission.checklist import Item, State
from serve.submission.simulstream_log import SIMULSTREAM_LOG

# Of two times for one word, in ms: one log has ms, the other seconds.
ROUNDING_MS = 0.01


def check_logs(folder: Path, configuration: Configuration, processor: Path) -> list[Item]:
    """Items on the recordings, on SimulEval's log and on simulstream's, all in `folder`.

    processor: the file for simulstream that says how text is made of its log's tokens.
    """
    options = configuration.evaluation
    counted, is_char = options.eval_latency_unit, options.eval_latency_unit == "char"
    reader = f"OmniSTEval {version('omnisteval')}"
    what = f"{folder.name}: SimulEval's log"
    try:
        order = _order(options, is_char)
        words = load_hypothesis_jsonl(str(folder / LOG), is_char, order, False)
    except (AssertionError, ValueError, KeyError, OSError) as error:
        return [Item(State.MISSING, what, f"{LOG}: {reader} refuses it: {_reason(error)}")]
    total = sum(map(len, words))
    items = [
        _recordings(folder, order, words),
        Item(State.DONE, what, f"{LOG}: {total} {counted}s with a delay for each, read by {reader}"),
    ]
    what = f"{folder.name}: simulstream's log"
    if find_spec("simulstream") is None:
        text = f"{SIMULSTREAM_LOG} is written, but only simulstream reads it: pip install -e '.[serve]'"
        return [*items, Item(State.MISSING, what, text)]
    try:
        others = load_hypothesis_simulstream(str(folder / SIMULSTREAM_LOG), str(processor), is_char, order)
    except (AssertionError, ValueError, KeyError, AttributeError, OSError) as error:
        return [
            *items,
            Item(State.MISSING, what, f"{SIMULSTREAM_LOG}: {reader} refuses it: {_reason(error)}"),
        ]
    difference = _difference(order, words, others, counted)
    if difference is not None:
        return [*items, Item(State.MISSING, what, f"{SIMULSTREAM_LOG} is not what {LOG} says: {difference}")]
    return [
        *items,
        Item(State.DONE, what, f"{SIMULSTREAM_LOG}: the same {counted}s and times, read by {reader}"),
    ]


def _order(options: EvaluationOptions, is_char: bool) -> list[str]:
    """Names of the recordings. OmniSTEval reads no tables with tabs."""
    if Path(options.segments).suffix.lower() == ".tsv":
        return [Path(one.path).stem for one in read_recordings(options)]
    _, segmentation, _ = load_reference(options.segments, options.target, is_char, False)
    return get_segmentation_order(segmentation)


def _recordings(folder: Path, order: Sequence[str], words: Sequence[Sequence[Word]]) -> Item:
    what = f"{folder.name}: recordings"
    silent = [name for name, own in zip(order, words, strict=True) if not own]
    if silent:
        text = f"nothing was written for {len(silent)} of {len(order)}: {', '.join(silent)}"
        return Item(State.MISSING, what, text)
    return Item(State.DONE, what, f"all {len(order)} were run, and each has text")


def _difference(
    order: Sequence[str],
    words: Sequence[Sequence[Word]],
    others: Sequence[Sequence[Word]],
    counted: str,
) -> str | None:
    """Where two logs differ first, spaces aside, which only one of them counts; None where they do not."""
    for name, ours, theirs in zip(
        order, map(_without_spaces, words), map(_without_spaces, others), strict=True
    ):
        if len(ours) != len(theirs):
            return f"{name} has {len(theirs)} {counted}s, not {len(ours)}"
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True), start=1):
            if one.text != other.text:
                return f"{counted} {number} of {name} is {other.text!r}, not {one.text!r}"
            if abs(one.emission_cu - other.emission_cu) > ROUNDING_MS:
                return (
                    f"{counted} {number} of {name}, {one.text!r}, was written at {other.emission_cu:g} ms, "
                    f"not {one.emission_cu:g} ms"
                )
    return None


def _without_spaces(words: Sequence[Word]) -> list[Word]:
    return [word for word in words if word.text.strip()]


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
