"""Long recordings by OmniSTEval: what was written is given to the segments of the reference, and timed there.

    1. words are split by Moses' tokenizer of the target language, if asked for (`tokenize_words`)
    2. those of a recording are aligned with those of all its references (`evaluation.metrics.soft_alignment`)
    3. a word without a partner goes to the segment of the neighbour more like it (`process_alignment`)
    4. LongYAAL and StreamLAAL are YAAL and LAAL over the words of each segment, timed from its start on

All but the second, which is faster here, are OmniSTEval's own functions. StreamLAAL is what it calls
LongLAAL; Papi et al. (2024), who named the metric, aligned by mWERSegmenter instead.
"""

import math
from collections.abc import Sequence

from omnisteval.alignment import Word, process_alignment
from omnisteval.data import Instance
from omnisteval.scoring import LAALScorer, YAALScorer
from omnisteval.tokenization import tokenize_words

from evaluation.metrics.soft_alignment import align
from foundation.errors import InputError

SCORERS = {"LongYAAL": YAALScorer(is_longform=True), "StreamLAAL": LAALScorer()}


def segment_places(
    units: Sequence[str], references: Sequence[str], unit: str, language: str | None
) -> list[list[int]]:
    """Which units of a recording belong to each of its references: their places, each in one list at most.

    units: words or characters written; unit: word or char; language: of Moses' tokenizer, None for none.
    Raises InputError where no reference has a word, and where Moses' tokenizer does not run.
    """
    char_level = unit == "char"
    reference = [
        Word(text, seq_id=number)
        for number, sentence in enumerate(references)
        for text in (list(sentence.lower()) if char_level else sentence.lower().split())
    ]
    if not reference:
        raise InputError("no reference of a recording has a word: nothing can be aligned with it")
    # The place of a unit travels where OmniSTEval has its time, which does not matter to the alignment.
    written = [Word(text, emission_cu=place) for place, text in enumerate(units)]
    [reference], [written] = _split(reference, language), _split(written, language)
    pairs = align([one.text for one in reference], [one.text for one in written], char_level)
    places: list[list[int]] = [[] for _ in references]
    for word in process_alignment(
        [None if row is None else reference[row] for row, _ in pairs],
        [None if column is None else written[column] for _, column in pairs],
        char_level,
    ):
        if word.main:
            places[word.seq_id].append(word.emission_cu)
    return places


def segment_latency(
    metric: str, times: Sequence[float], reference: str, unit: str, source_ms: float, end_ms: float
) -> float:
    """LongYAAL or StreamLAAL of one segment in ms; NaN where it has none, as without any word.

    times: when each of its units was written, from the segment's start on; end_ms: when the last segment of
    its recording ends, from there on, too: words behind that do not count for LongYAAL.
    """
    if not len(times):
        return math.nan
    instance = Instance(
        reference=reference,
        latency_unit=unit,
        source_length=source_ms,
        emission_cu=list(times),
        time_to_recording_end=end_ms,
        longform=True,
    )
    found = SCORERS[metric].compute(instance)
    return math.nan if found is None else found


def _split(words: list[Word], language: str | None) -> list[list[Word]]:
    try:
        return tokenize_words([words], language)
    except OSError as error:
        raise InputError(
            f"Moses' tokenizer, a program in Perl, does not run here ({error}): install Perl, or set "
            "alignment_tokenizer to none"
        ) from None
