"""A model whose probabilities are known: a token is a byte, and ten of them can be told for a second heard.

    python -m tests.train.scripted_speculator KILL_AFTER AUGMENT_ARGUMENTS...

runs the command with it, and kills itself without warning before batch KILL_AFTER (-1: never).
"""

import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from unittest.mock import patch

import numpy as np

from train import simulsa_augment
from train.simulsa_augment import work as augment
from train.simulsa_augment.options import AugmentOptions


class ScriptedSpeculator:
    """Threshold 100 / V = 0.1."""

    vocabulary_size = 1000
    maximum_audio_ms = 3500.0
    maximum_text = 100
    weights = "scripted"

    def __init__(self, kill_before: int = -1) -> None:
        self.batches = 0
        self.kill_before = kill_before

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode(self, tokens: Sequence[int]) -> str:
        return bytes(tokens).decode(errors="replace")

    def token_bytes(self, token: int) -> bytes:
        return bytes([token])

    def probabilities(
        self, waveforms: Sequence[np.ndarray], targets: Sequence[str], texts: Sequence[Sequence[int]]
    ) -> list[np.ndarray]:
        if self.batches == self.kill_before:
            os.kill(os.getpid(), signal.SIGKILL)
        self.batches += 1
        known = [len(waveform) // 1600 for waveform in waveforms]
        return [np.where(np.arange(len(text)) < n, 0.9, 0.02) for n, text in zip(known, texts, strict=True)]


def open_scripted(kill_before: int, _: AugmentOptions) -> ScriptedSpeculator:
    return ScriptedSpeculator(kill_before)


def run(arguments: Sequence[str], kill_before: int = -1) -> int:
    # Other processes call it, too: a lambda would not reach them.
    with patch.object(augment, "open_model", partial(open_scripted, kill_before)):
        return simulsa_augment.main(arguments)


if __name__ == "__main__":
    sys.exit(run(sys.argv[2:], int(sys.argv[1])))
