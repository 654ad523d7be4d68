"""The peer at some minutes of a long stream only: at every chunk it would take hours."""

import dataclasses

import numpy as np

from benchmarks.long_speech.play import Clock
from benchmarks.long_speech.redecoding import Redecoding
from evaluation.configuration.evaluation_file import Configuration
from foundation.errors import InputError
from models.languages import LanguagePair
from models.registry import load_translator

MINUTE_MS = 60_000
WARM_UP_MS = 30_000  # until its window is full
WINDOW_MS = 30_000


class SampledPeer:
    """A fresh peer hears one of `every` minutes, and half a minute before it, which is not timed.

    The first minute of the stream has nothing before it.
    """

    def __init__(self, configuration: Configuration, every: int) -> None:
        """configuration: of our AlignAtt on the same weights. Raises InputError for another policy."""
        self._recent_frames = getattr(configuration.policy, "recent_frames", None)
        if self._recent_frames is None:
            raise InputError(
                f"the peer stops as AlignAtt does, and {configuration.agent} has no recent_frames"
            )
        agent = configuration.agent_options
        window = dataclasses.replace(
            configuration.translator, trailing_silence_ms=WINDOW_MS, frozen_after_s=WINDOW_MS / 1000
        )
        self._translator = load_translator(agent.model, window)
        self._languages = LanguagePair(agent.source_language, agent.target_language)
        self._every_ms = every * MINUTE_MS
        self._playing: Redecoding | None = None

    def hear(self, samples: np.ndarray, heard_ms: float) -> dict[str, float | str]:
        """What the peer adds to the row of a chunk (S,) that ends at heard_ms.

        It is nothing where it is not timed.
        """
        place_ms = (heard_ms - 1 + WARM_UP_MS) % self._every_ms
        if place_ms >= WARM_UP_MS + MINUTE_MS:
            self._playing = None
            return {}
        if self._playing is None:
            self._playing = Redecoding(self._translator, self._languages, self._recent_frames)
        with Clock() as clock:
            text = self._playing.step(samples)
        if place_ms < WARM_UP_MS:
            return {}
        return {"peer_wall_ms": clock.wall_ms, "peer_cpu_ms": clock.cpu_ms, "peer_text": text}
