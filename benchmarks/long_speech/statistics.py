"""Numbers of one system on one long stream. Times are in ms or s as the names say."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.long_speech.alignment import Alignment, Word
from benchmarks.long_speech.stream_files import Segment, Stretch
from evaluation.metrics.degenerate import loops
from evaluation.metrics.latency import length_adaptive_average_lagging
from evaluation.metrics.quality_statistics import quality_statistics

RESAMPLES = 2000
# A word that is written so long after the last speech still belongs to it.
LAG_S = 3.0
# A loop is looked for in the words of so much time; the next window begins half of it later.
LOOP_WINDOW_S = 30.0
SETTLED_MINUTES = 10  # memory is fitted by a line from then on


def quality(
    metric: str, stream: Alignment, segments: Alignment | None, references: Sequence[str]
) -> dict[str, float | None]:
    """WER or BLEU on the stream and on the cut segments, their difference, and its 95% interval.

    Where the segments have not been played, only the first is there. The interval is a paired bootstrap over
    segments. BLEU is of lower-cased texts: capitals of a script are lost.
    """
    drawn = np.random.default_rng(0).multinomial(
        len(references), [1 / len(references)] * len(references), RESAMPLES
    )
    weights = np.concatenate([np.ones((1, len(references)), np.int64), drawn])  # the test set itself first
    if metric == "WER":
        scores = [
            100 * (weights @ one.errors) / (weights @ one.reference_words)
            for one in (stream, segments)
            if one is not None
        ]
    else:
        lowered = [reference.lower() for reference in references]
        scores = [
            quality_statistics("BLEU", [text.lower() for text in one.texts], lowered).resampled_scores(
                weights
            )
            for one in (stream, segments)
            if one is not None
        ]
    if segments is None:
        return {"stream": float(scores[0][0]), **dict.fromkeys(("segments", "more", "from", "to"))}
    more = scores[0] - scores[1]
    low, high = np.percentile(more[1:], [2.5, 97.5])
    return {
        "stream": float(scores[0][0]),
        "segments": float(scores[1][0]),
        "more": float(more[0]),
        "from": float(low),
        "to": float(high),
    }


def lag_s(alignment: Alignment, segments: Sequence[Segment]) -> float:
    """Mean LAAL of the segments that were given words, counted from the beginning of each."""
    lags = [
        length_adaptive_average_lagging(
            [max(0.0, word.heard_ms - 1000 * segment.offset_s) for word in words],
            1000 * segment.duration_s,
            max(1, int(said)),
        )
        for words, segment, said in zip(alignment.words, segments, alignment.reference_words, strict=True)
        if words
    ]
    return float(np.mean(lags)) / 1000 if lags else float("nan")


def both_ends(chunks: Sequence[Mapping], end_s: float, key: str) -> dict[str, float]:
    """Mean cost of the chunks of the first and the last `end_s` seconds, and their ratio with a 95% interval.

    Where the audio is the same at both ends, the interval is of pairs of chunks; it is always taken so.
    """
    total_ms = chunks[-1]["heard_ms"]
    first = np.array([chunk[key] for chunk in chunks if chunk["heard_ms"] <= 1000 * end_s])
    last = np.array([chunk[key] for chunk in chunks if chunk["heard_ms"] > total_ms - 1000 * end_s])
    pairs = min(len(first), len(last))
    drawn = np.random.default_rng(0).integers(pairs, size=(RESAMPLES, pairs))
    ratios = last[:pairs][drawn].sum(1) / first[:pairs][drawn].sum(1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return {
        "first_ms": float(first.mean()),
        "last_ms": float(last.mean()),
        "ratio": float(last.mean() / first.mean()),
        "from": float(low),
        "to": float(high),
    }


def cost_by_time(chunks: Sequence[Mapping], every_s: float, key: str) -> list[tuple[float, float]]:
    """(end of each stretch of every_s seconds in s, mean cost in ms of its chunks that have the key)."""
    bins: dict[int, list[float]] = {}
    for chunk in chunks:
        if key in chunk:
            bins.setdefault(int((chunk["heard_ms"] - 1) // (1000 * every_s)), []).append(chunk[key])
    return [((place + 1) * every_s, float(np.mean(costs))) for place, costs in sorted(bins.items())]


def memory(chunks: Sequence[Mapping]) -> dict[str, float]:
    """MiB at the start, after ten minutes, at the end and at most, and the slope from the tenth minute on."""
    minutes, mib = np.array(
        [(chunk["heard_ms"] / 60_000, chunk["resident_mib"]) for chunk in chunks if "resident_mib" in chunk]
    ).T
    settled = minutes >= SETTLED_MINUTES
    slope = float("nan")
    if settled.sum() >= 2:
        slope = float(np.polyfit(minutes[settled] / 60, mib[settled], 1)[0])
    return {
        "start_mib": float(mib[0]),
        "ten_minutes_mib": float(mib[settled][0] if settled.any() else mib[-1]),
        "end_mib": float(mib[-1]),
        "most_mib": float(mib.max()),
        "mib_per_hour": slope,
    }


def words_where_nobody_speaks(
    words: Sequence[Word], nobody: Sequence[Stretch], after_s: float = LAG_S
) -> list[list[Word]]:
    """Of each stretch the words that were written in it, later than `after_s` seconds after its beginning.

    A word counts by the audio that had been heard when it was written, up to the end of the stretch, which
    is included.
    """
    times_s = np.array([word.heard_ms / 1000 for word in words])
    found = []
    for stretch in nobody:
        inside = (times_s > stretch.offset_s + after_s) & (times_s <= stretch.end_s)
        found.append([words[place] for place in np.flatnonzero(inside)])
    return found


def looping(words: Sequence[Word], segments: Sequence[Segment], language: str) -> list[tuple[float, str]]:
    """(beginning in s, text) of each window in which what was written loops, and what was said does not.

    What was said are the segments from one window earlier on, since words come late.
    """
    found, begin_s = [], 0.0
    times_s = np.array([word.heard_ms / 1000 for word in words])
    while len(words) and begin_s <= times_s[-1]:
        end_s = begin_s + LOOP_WINDOW_S
        text = " ".join(
            words[place].text for place in np.flatnonzero((times_s > begin_s) & (times_s <= end_s))
        )
        said = [
            one.texts[language]
            for one in segments
            if one.end_s > begin_s - LOOP_WINDOW_S and one.offset_s < end_s
        ]
        if loops(text, "word") and not any(loops(one, "word") for one in [*said, " ".join(said)]):
            found.append((begin_s, text))
        begin_s += LOOP_WINDOW_S / 2
    return found
