"""Logs of one JSON object a line, read line by line so that whatever is damaged is named by its line."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from foundation.errors import InputError

# Some thirty years: a time beyond it is a damaged number, and sums of such numbers overflow in silence.
MAXIMUM_MS = 1e12


def read_json_lines(path: Path, mend: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each line's place, as `FILE line 3`, and its object; `mend` says what to do with a damaged file.

    Raises InputError that names the file, and the line that is no UTF-8, no JSON or no object.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {mend}") from None
    if not data:
        raise InputError(f"{path} is empty: the run wrote nothing")
    # Not splitlines: it would split at characters that JSON allows within a string.
    for number, line in enumerate(data.removesuffix(b"\n").split(b"\n"), start=1):
        place = f"{path} line {number}"
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{place} is no UTF-8 text (byte {error.start + 1}): {mend}") from None
        try:
            fields = json.loads(text)
            # Half of a pair of surrogates is JSON, but no text: it could not be written anywhere.
            if "\\ud" in text.lower():
                json.dumps(fields, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise InputError(f"{place} holds half a character (\\ud800 to \\udfff): {mend}") from None
        except (ValueError, RecursionError):
            raise InputError(f"{place} is no JSON, or cut in the middle: {mend}") from None
        if not isinstance(fields, dict):
            raise InputError(f"{place} holds no JSON object: {mend}")
        yield place, fields


def is_time(value: Any) -> bool:
    """Whether a value of JSON is a number of ms from 0, not beyond MAXIMUM_MS."""
    return is_number(value) and 0 <= value <= MAXIMUM_MS


def is_number(value: Any) -> bool:
    """Whether a value of JSON is a finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of more than 308 digits
        return False


def is_count(value: Any) -> bool:
    """Whether a value of JSON is a whole number from 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def shortened(value: Any) -> str:
    """A value as a message shows it."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits
        return "what it is"
    return text if len(text) <= 60 else text[:57] + "..."
