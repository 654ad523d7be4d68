"""Lengths and times as files write them: seconds, as a plain decimal number."""

import re

LONGEST_S = 1e7
# Neither 0500 (octal to some readers), 1_000, 1:30, nan nor digits of other scripts: what they mean is open.
DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,2})?")


def read_seconds(text: str) -> float:
    """The number of seconds that `text` writes, in ASCII digits. Raises ValueError for anything else."""
    if not DECIMAL.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no number of seconds")
    return float(text)


def read_length(text: str) -> float:
    """Does as `read_seconds`, for the length of something that can be heard.

    Raises ValueError for 0 and below, and from 10^7 (four months) on.
    """
    seconds = read_seconds(text)
    if not 0 < seconds < LONGEST_S:
        raise ValueError(f"{text!r} s is no length: it must be above 0 and below {LONGEST_S:.0f}")
    return seconds
