"""Damaged model folders: JSON files with values of other types, sizes of no model, cut and flipped bytes."""

import json
import random
from collections.abc import Callable
from pathlib import Path

VALUES = (
    *("text", "", None, True, False, -1, 0, 1, 7, 3.5, 1e308, float("nan"), float("inf"), -(2**63)),
    *(10**12, 10**30, 10**400, [], [1, 2], [[0, 0]], [[99, 0]], {}, {"a": 1}, "\0", "é" * 300, "../x"),
)
WHOLE_FILES = (
    *("", "{", "[]", "null", "1", '"text"', "[" * 5000, "\ufeff{}", '{"model_type": ["whisper"]}'),
    "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
)


def damage(folder: Path, chance: random.Random) -> str:
    """Change one file of a model folder; say what was done."""
    file = chance.choice(sorted(one for one in folder.iterdir() if one.is_file()))
    kind: Callable[[Path, random.Random], str] = _bytes
    if file.suffix == ".json" and file.stat().st_size < 20_000 and chance.random() < 0.9:
        kind = _value
    elif file.suffix == ".json" and chance.random() < 0.3:
        kind = _whole
    return f"{file.name}: {kind(file, chance)}"


def _value(file: Path, chance: random.Random) -> str:
    """Replace or remove a value, at any depth."""
    content = json.loads(file.read_text())
    place, keys = content, []
    while True:
        steps = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not steps:
            return _whole(file, chance)
        key = chance.choice(steps)
        keys.append(key)
        if isinstance(place[key], dict | list) and place[key] and chance.random() < 0.8:
            place = place[key]
            continue
        break
    if chance.random() < 0.15:
        del place[key]
        did = "removed"
    else:
        place[key] = chance.choice(VALUES)
        did = f"= {place[key]!r:.40}"
    file.write_text(json.dumps(content))
    return f"{keys} {did}"


def _whole(file: Path, chance: random.Random) -> str:
    text = chance.choice(WHOLE_FILES)
    file.write_text(text)
    return f"all of it {text[:40]!r}"


def _bytes(file: Path, chance: random.Random) -> str:
    data = bytearray(file.read_bytes())
    if chance.random() < 0.3:
        kept = chance.randrange(len(data))
        file.write_bytes(data[:kept])
        return f"cut to {kept} bytes"
    places = [chance.randrange(min(len(data), chance.choice((8, 200, len(data))))) for _ in range(3)]
    for place in places:
        data[place] = chance.randrange(256)
    file.write_bytes(data)
    return f"bytes {places} changed"
