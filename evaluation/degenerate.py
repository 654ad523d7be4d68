"""Outputs that make a score meaningless: nothing, the same phrase again and again, everything at the end."""

from collections.abc import Sequence

from evaluation.run_log import RunLog, Utterance

# A loop is a phrase of up to so many words (or characters) ...
PHRASE_UNITS = 10
# ... that stands so often in a row ...
REPETITIONS = 4
# ... over so many words in all: "no, no, no, no" is speech.
LOOP_UNITS = 8

FLAGS = ("EMPTY", "LOOPING", "AT_END")


def flags(utterance: Utterance, unit: str) -> tuple[str, ...]:
    """Those of FLAGS that hold for an utterance; unit is word or char.

    EMPTY: no text. LOOPING: the prediction repeats a phrase as defined above, and the reference does not.
    AT_END: there is text, all of it written once the source had ended (which is right for offline runs).
    """
    if not utterance.prediction.strip():
        return ("EMPTY",)
    found = []
    reference = utterance.reference.split() if unit == "word" else list(utterance.reference)
    if loops(utterance.units(unit)) and not loops(reference):
        found.append("LOOPING")
    if utterance.delays and utterance.delays[0] >= utterance.source_ms:
        found.append("AT_END")
    return tuple(found)


def count_flags(log: RunLog) -> dict[str, int]:
    """Number of utterances under each flag."""
    found = [flag for utterance in log.utterances for flag in flags(utterance, log.unit)]
    return {flag: found.count(flag) for flag in FLAGS}


def loops(units: Sequence[str]) -> bool:
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
