"""A whole evaluation in miniature: a random Whisper, three short sounds, their lists and a YAML file."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from tests.models.tiny_whisper import write_tiny_whisper
from tests.warm_process import run_warm

ROOT = Path(__file__).parents[2]
SECONDS = (0.6, 1.3, 0.9)
REFERENCES = ("the cat sat", "a man is walking in the street", "hello world!")


def write_tiny_evaluation(folder: Path) -> Path:
    """Write model/, audio files, source.txt, target.txt and tiny.yaml (wait-k); return the last."""
    write_tiny_whisper(folder / "model", trailing_silence_ms=0)
    write_sounds(folder)
    (folder / "target.txt").write_text("\n".join(REFERENCES) + "\n", encoding="utf-8")
    evaluation = folder / "tiny.yaml"
    evaluation.write_text(
        f"agent: waitk\n"
        f"model: {folder / 'model'}\n"
        f"source: {folder / 'source.txt'}\n"
        f"target: {folder / 'target.txt'}\n"
        f"output: {folder / 'result'}\n"
        "chunk_ms: 200\n"
        "decode_silence: true\n"
        "step_ms: 200\n"
        "k: 2\n",
        encoding="utf-8",
    )
    return evaluation


def write_sounds(folder: Path) -> None:
    """Write three short sounds, and source.txt, which lists them."""
    paths = []
    for index, seconds in enumerate(SECONDS):
        path = folder / f"{index}.wav"
        noise = np.random.default_rng(index).normal(0, 0.1, int(16_000 * seconds))
        soundfile.write(path, noise.astype(np.float32), 16_000)
        paths.append(str(path))
    (folder / "source.txt").write_text("\n".join(paths) + "\n", encoding="utf-8")


def run_command(*words: str, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess:
    """Run `simulst ...` or `simuleval ...` in a process of its own, with this checkout's code.

    environment: variables to set, besides those of this process.
    """
    command, *arguments = map(str, words)
    module = {"simulst": "simulst", "simuleval": "simuleval.cli"}[command]
    if not environment:
        return run_warm(module, arguments, folder)
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
    )
