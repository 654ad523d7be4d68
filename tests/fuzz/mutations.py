"""Valid files made invalid, the same ones for the same seed; and what every reader owes for each of them.

    def test_a_damaged_log_is_read_or_refused(tmp_path):
        check_reader(read_run_log, tmp_path / "instances.log", valid_bytes)

Each kind of file is mutated 300 times, or as often as pytest's option --fuzz, or the environment's
SIMULST_FUZZ, says. A failure names its seed: `mutate(valid_bytes, seed)` is the input again.
"""

import json
import math
import os
import random
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from foundation.errors import InputError

Input = TypeVar("Input")

COUNT = int(os.environ.get("SIMULST_FUZZ", "300"))

# An input that takes longer hangs the reader, or is on the way there.
LIMIT_S = 10

# What stands where another value was: other types, numbers at and beyond the edge, YAML's own surprises.
VALUES = (
    "null", "true", "0", "-1", "1.5", "[]", "{}", '""', '"text"', "[1, [2]]", '{"a": 1}', "NaN", ".nan",
    ".inf", "-Infinity", "1e308", "-1e308", "1e400", "9" * 400, "9" * 5000, "0x_", "2020-13-45", "!!int x",
    "!!timestamp x", "!!bool maybe", "~", "0500", "1:30",
    '"\\ud800"', "&a *a", "*nowhere", "!!python/name:os.system",
)  # fmt: skip
JSON_VALUES = (
    None, True, -1, 0, 1.5, math.inf, -math.inf, 10**400, "text", "", "\ud800", [], [[1]], {}, {"a": None},
)  # fmt: skip
# Bytes that are no UTF-8, or that readers of text trip over.
INSERTS = (
    b"\x00", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r", b"\t", b"\x0c", b"\x1b",
    "\u2028".encode(), "\u0085".encode(), "\u00a0".encode(),
)  # fmt: skip
# A value in JSON, YAML or a table: a number, a quoted text, or a bare word.
VALUE = re.compile(rb'"(?:[^"\\\n]|\\.)*"|[-+.\w/]+')


def mutate(data: bytes, seed: int) -> bytes:
    """`data` with one to three faults, chosen by the seed."""
    chance = random.Random(seed)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        data = chance.choice(MUTATIONS)(data, chance)
    return data


def check_reader(
    read: Callable[[Path], Any],
    path: Path,
    valid: bytes,
    count: int = COUNT,
    name: str | None = None,
    mutate: Callable[[bytes, int], bytes] = mutate,
) -> None:
    """Write mutations of `valid` to `path`, and read each; the first fault of each kind fails the test.

    Allowed is a result, or an InputError of one line that says `name` (by default that of the file).
    """

    def damaged(seed: int) -> Path:
        path.write_bytes(mutate(valid, seed))
        return path

    path.write_bytes(valid)
    read(path)
    check_inputs(read, damaged, path.name if name is None else name, count)
    path.write_bytes(valid)


def check_inputs(
    read: Callable[[Input], Any], damaged: Callable[[int], Input], name: str, count: int = COUNT
) -> None:
    """The same for whatever `damaged` makes of a seed."""
    faults: dict[str, str] = {}
    for seed in range(count):
        fault = _fault(read, damaged(seed), name)
        if fault is not None:
            faults.setdefault(fault.partition(": ")[0], f"seed {seed}: {fault[:300]}")
    if faults:
        pytest.fail(f"{len(faults)} kinds of fault in {count} inputs:\n" + "\n".join(faults.values()))


@contextmanager
def time_limit(seconds: int = LIMIT_S) -> Iterator[None]:
    """Raises TimeoutError in a block that takes longer."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _fault(read: Callable[[Input], Any], given: Input, name: str) -> str | None:
    """What is wrong with how one input is met; None where nothing is."""
    try:
        with time_limit():
            read(given)
    except InputError as error:
        if name not in str(error):
            return f"InputError without {name}: {error}"
        if "\n" in str(error):
            return f"InputError of several lines: {error}"
    except Exception as error:  # whatever it is, it is the fault that is looked for
        place = error.__traceback__
        while place.tb_next:
            place = place.tb_next
        return f"{type(error).__name__} in {place.tb_frame.f_code.co_qualname}: {error}"
    return None


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randint(0, len(data))]


def _insert(data: bytes, chance: random.Random) -> bytes:
    place = chance.choice((0, len(data), chance.randint(0, len(data))))
    return data[:place] + chance.choice(INSERTS) * chance.choice((1, 1, 3)) + data[place:]


def _duplicate_line(data: bytes, chance: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        lines.insert(chance.randint(0, len(lines)), chance.choice(lines))
    return b"".join(lines)


def _remove_line(data: bytes, chance: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        lines.pop(chance.randrange(len(lines)))
    return b"".join(lines)


def _replace_value(data: bytes, chance: random.Random) -> bytes:
    """Another value as text, whatever the format."""
    found = list(VALUE.finditer(data))
    if not found:
        return data
    one = chance.choice(found)
    return data[: one.start()] + chance.choice(VALUES).encode() + data[one.end() :]


def _replace_json(data: bytes, chance: random.Random) -> bytes:
    """In a line of JSON that stays JSON: another value, or a key that is missing."""
    lines = data.split(b"\n")
    places = [place for place, line in enumerate(lines) if line[:1] in b"{[" and line]
    if not places:
        return _replace_value(data, chance)
    place = chance.choice(places)
    try:
        content = json.loads(lines[place])
    except (ValueError, RecursionError):
        return _replace_value(data, chance)
    spots = list(_spots(content))
    if not spots:
        return data
    holder, key = chance.choice(spots)
    if isinstance(holder, dict) and chance.random() < 0.3:
        del holder[key]
    else:
        holder[key] = chance.choice(JSON_VALUES)
    lines[place] = json.dumps(content).encode() if chance.random() < 0.9 else b"[" + lines[place] + b"]"
    return b"\n".join(lines)


def _deep_brackets(data: bytes, chance: random.Random) -> bytes:
    place = chance.choice((0, chance.randint(0, len(data))))
    return data[:place] + chance.choice((b"[", b"{", b'{"a":')) * chance.choice((50, 5000)) + data[place:]


def _long_field(data: bytes, chance: random.Random) -> bytes:
    """Longer than what Python's csv takes by default, 131,072 characters."""
    place = chance.randint(0, len(data))
    return data[:place] + chance.choice((b"9", b"a")) * 140_000 + data[place:]


def _empty(data: bytes, chance: random.Random) -> bytes:
    return chance.choice((b"", b"\n", b" \n\n", b"\x00" * 64, b"---\n...\n", b"null\n", b"[]\n", b"{}\n"))


def _spots(content: Any) -> Iterator[tuple[Any, Any]]:
    """All places in nested JSON where a value stands: holder and key."""
    if not isinstance(content, dict | list):
        return
    for key in content if isinstance(content, dict) else range(len(content)):
        yield content, key
        yield from _spots(content[key])


MUTATIONS = (
    _flip, _flip, _truncate, _insert, _insert, _duplicate_line, _remove_line, _replace_value, _replace_value,
    _replace_json, _replace_json, _replace_json, _deep_brackets, _long_field, _empty,
)  # fmt: skip
