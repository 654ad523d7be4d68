"""Every agent at small settings, and the sounds and models for them: what the batched engine is tested on."""

from pathlib import Path

import numpy as np
import soundfile

from evaluation.configuration.evaluation_file import configure
from tests.models.tiny_reina import write_tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper

REFERENCES = ["the cat sat", "a man is walking", "hello world!", "what do you want", "the music is loud"]
# Every agent, at settings that write something before the end.
SETTINGS = {
    "whisper": [
        {"agent": "offline"},
        {"agent": "waitk", "k": 2, "step_ms": 200},
        {"agent": "waitk", "k": 1, "step_ms": 150, "chunk_ms": 170, "beam": 2, "patience": 2},
        {"agent": "local_agreement", "agreeing_chunks": 2},
        {"agent": "holdn", "held_tokens": 2, "beam": 3},
        {"agent": "holdn", "held_tokens": 4, "beam": 3},
        {"agent": "edatt", "alpha": 0.1, "newest_frames": 2},
        {"agent": "alignatt", "recent_frames": 4, "beam": 2},
        {"agent": "alignatt", "recent_frames": 9, "chunk_ms": 333},
        {"agent": "holdn", "held_tokens": 1, "target_language": "zh", "source_language": "zh"},
        # Its audio goes past a network that hears speech nowhere in it.
        {"agent": "holdn", "held_tokens": 1, "decode_silence": False},
    ],
    # In characters: the random model hardly ever begins a word.
    "reina": [
        {"agent": "offline", "beam": 3, "target_language": "zh"},
        {"agent": "reina", "threshold": -2.2, "target_language": "zh"},
        {"agent": "reina", "threshold": -1.8, "target_language": "zh"},
        {"agent": "reina", "threshold": -1.5, "target_language": "de", "chunk_ms": 170},
        {"agent": "alignatt", "recent_frames": 6, "target_language": "zh", "beam": 3, "patience": 3},
        {"agent": "alignatt", "recent_frames": 12, "target_language": "zh"},
    ],
    "digsst": [
        {"agent": "digsst", "threshold": 0.12, "target_language": "zh"},
        {"agent": "digsst", "threshold": 0.15, "beam": 1},
    ],
}


def write_test_set(folder: Path) -> Path:
    """Sounds of different length, one of them in stereo at another rate."""
    rates = [16_000, 16_000, 44_100, 16_000, 16_000]
    seconds = [0.6, 1.3, 0.9, 1.7, 0.05]
    paths = []
    for index, (rate, length) in enumerate(zip(rates, seconds, strict=True)):
        shape = (int(rate * length), 2) if rate == 44_100 else int(rate * length)
        noise = np.random.default_rng(index).normal(0, 0.1, shape)
        soundfile.write(folder / f"{index}.wav", noise.astype(np.float32), rate)
        paths.append(str(folder / f"{index}.wav"))
    (folder / "source.txt").write_text("\n".join(paths) + "\n")
    (folder / "target.txt").write_text("\n".join(REFERENCES) + "\n")
    return folder


def write_models(folder: Path) -> Path:
    """Those that SETTINGS name."""
    write_tiny_whisper(folder / "whisper", trailing_silence_ms=0)
    write_tiny_reina(folder / "reina", seed=3, objective="gain")
    write_tiny_reina(folder / "digsst", seed=3, objective="divergence")
    return folder


def configurations(models, test_set, model, **changes):
    base = {
        "model": str(models / model),
        "source": str(test_set / "source.txt"),
        "target": str(test_set / "target.txt"),
        "chunk_ms": 250,
        "decode_silence": True,
        "engine": "batched",
    }
    return [configure({**base, **setting, **changes}, "a test") for setting in SETTINGS[model]]
