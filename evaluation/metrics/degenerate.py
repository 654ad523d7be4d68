"""Outputs that make a score meaningless: nothing, the same phrase again and again, everything at the end."""

from collections.abc import Sequence

from evaluation.logs.run_log import RunLog, Utterance
from evaluation.metrics.normalized_text import normalize

# A loop is a phrase of up to so many words (or characters) ...
PHRASE_UNITS = 10
# ... that stands so often in a row ...
REPETITIONS = 4
# ... over so many words in all: "no, no, no, no" is speech.
LOOP_UNITS = 8

# A loop is, too, a stretch of so many words of which no more than a quarter are different ones. A search that
# refuses to repeat a phrase of six words, as it does by default, goes around in these circles:
# "Hello Hello? hello Hi Hello, hello Hi Hi ...". Characters are left to the phrases: a language writes
# everything with few of them.
STRETCH_WORDS = 24
STRETCH_KINDS = 6

FLAGS = ("EMPTY", "LOOPING", "AT_END")


def flags(utterance: Utterance, unit: str) -> tuple[str, ...]:
    """Names which of FLAGS hold for an utterance; unit is word or char.

    EMPTY: no text. LOOPING: the prediction repeats a phrase as defined above, and the reference does not.
    AT_END: there is text, all of it written once the source had ended (which is right for offline runs).
    """
    if not utterance.prediction.strip():
        return ("EMPTY",)
    found = []
    if loops(utterance.prediction, unit) and not loops(utterance.reference, unit):
        found.append("LOOPING")
    if utterance.delays and utterance.delays[0] >= utterance.audio_end_ms:
        found.append("AT_END")
    return tuple(found)


def count_flags(log: RunLog) -> dict[str, int]:
    """Number of utterances under each flag."""
    found = [flag for utterance in log.utterances for flag in flags(utterance, log.unit)]
    return {flag: found.count(flag) for flag in FLAGS}


def loops(text: str, unit: str) -> bool:
    """Whether text repeats itself as defined above, case and punctuation aside; unit is word or char."""
    normalized = normalize(text)
    words = normalized.split()
    if unit == "char":
        return _repeats([character for word in words for character in word])
    return _repeats(words) or _circles(words)


def _repeats(units: Sequence[str]) -> bool:
    """Whether a phrase stands REPETITIONS times in a row or more, over LOOP_UNITS units or more."""
    for length in range(1, PHRASE_UNITS + 1):
        needed = max(length * REPETITIONS, LOOP_UNITS)
        # Units that equal the one a phrase earlier; a run of them continues a repetition.
        run = 0
        for place in range(length, len(units)):
            run = run + 1 if units[place] == units[place - length] else 0
            if run + length >= needed:
                return True
    return False


def _circles(words: Sequence[str]) -> bool:
    """Whether STRETCH_WORDS words in a row are of STRETCH_KINDS kinds or fewer."""
    return any(
        len(set(words[start : start + STRETCH_WORDS])) <= STRETCH_KINDS
        for start in range(len(words) - STRETCH_WORDS + 1)
    )
