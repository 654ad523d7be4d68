"""The shipped model behind one live translator, and what our SimulEval agent writes about the same audio."""

import math
from argparse import ArgumentParser

import numpy as np
import pytest
import soundfile
from simuleval.data.segments import SpeechSegment

from agents.live.loading import configure_live, load_live
from agents.live.translator import LiveTranslator
from agents.reina_agent import ReinaAgent
from tests.evaluation.tiny_evaluation import ROOT

CLIPS = ROOT / "eval_configs" / "quickstart_de" / "audio"


@pytest.fixture(scope="session")
def live() -> LiveTranslator:
    return load_live(configure_live({}, "test"), with_times=True)


@pytest.fixture(scope="session")
def captions() -> dict[str, np.ndarray]:
    """(S,) float32 at 16 kHz: 4.475 s, and just 16 chunks of 250 ms."""
    return {
        name: soundfile.read(CLIPS / f"{name}.flac", dtype="float32")[0]
        for name in ("caption_1", "caption_2")
    }


@pytest.fixture(scope="session")
def simuleval_words():
    """simuleval_words(samples, rate): (word, s of audio heard) as SimulEval's loop has them."""
    parser = ArgumentParser()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["simuleval", "--history", "pauses"])
        ReinaAgent.add_args(parser)
        agent = ReinaAgent(parser.parse_args(["--history", "pauses"]))

    def play(samples: np.ndarray, rate: int) -> list[tuple[str, float]]:
        agent.reset()
        size = math.ceil(rate * agent.chunk_ms / 1000)  # as SimulEval cuts a source
        words = []
        for start in range(0, len(samples), size):
            end = min(start + size, len(samples))
            segment = SpeechSegment(
                content=samples[start:end], sample_rate=rate, finished=end == len(samples)
            )
            said = agent.pushpop(segment).content
            words += [(word, end / rate) for word in (said or "").split()]
        return words

    return play
