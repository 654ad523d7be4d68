"""Logs of made-up runs."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

WORDS = "the a man cat dog walks sits runs in on street house red blue green day night he she they".split()


def line(index: int = 0, **changes: object) -> dict:
    """One line of an instances.log: four words over three seconds of source."""
    fields = {
        "index": index,
        "prediction": "a man walks home",
        "delays": [1000.0, 1500.0, 2000.0, 3000.0],
        "elapsed": [1100.0, 1700.0, 2300.0, 3400.0],
        "prediction_length": 4,
        "reference": "a man is walking home",
        "source": ["audio.wav"],
        "source_length": 3000.0,
    }
    return fields | changes


def write_log(folder: Path, lines: Sequence[dict]) -> Path:
    """Write a folder as SimulEval leaves it; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(one) + "\n" for one in lines)
    (folder / "instances.log").write_text(text, encoding="utf-8")
    (folder / "config.yaml").write_text("source_type: speech\ntarget_type: text\n")
    return folder


def write_run(folder: Path, lag_ms: float, errors: float, sentences: int = 40, seed: int = 0) -> Path:
    """A run that starts writing after lag_ms, a word each 400 ms, with that share of wrong words.

    References depend on nothing but the number of sentences; the errors on the seed.
    """
    texts, mistakes = random.Random(0), random.Random(seed)
    lines = []
    for index in range(sentences):
        reference = [texts.choice(WORDS) for _ in range(texts.randint(5, 12))]
        prediction = [word if mistakes.random() >= errors else "er" for word in reference]
        delays = [min(4000.0, lag_ms + 400.0 * place) for place in range(len(prediction))]
        lines.append(
            line(
                index,
                prediction=" ".join(prediction),
                reference=" ".join(reference),
                delays=delays,
                elapsed=[delay + 100.0 for delay in delays],
                prediction_length=len(prediction),
                source_length=4000.0,
            )
        )
    return write_log(folder, lines)
