"""The shipped model behind one engine, and captions with what our SimulEval agent writes about them."""

import socket
from argparse import ArgumentParser
from dataclasses import dataclass

import numpy as np
import pytest
import soundfile
from simuleval.data.segments import EmptySegment, SpeechSegment

from agents.configuration.agent_configuration import configure_agent
from agents.reina_agent import ReinaAgent
from models.languages import LanguagePair
from serve.served_agent import ServedAgent, served_agent
from tests.evaluation.tiny_evaluation import ROOT

CLIPS = ROOT / "eval_configs" / "quickstart_de" / "audio"
VALUES = {"agent": "reina", "model": "reina-mini", "chunk_ms": 250}


@dataclass(frozen=True)
class Written:
    """What an agent wrote about one clip: words, and for each the s of audio that had been heard."""

    words: list[str]
    times_s: list[float]


@pytest.fixture(scope="session")
def unused_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="session")
def agent() -> ServedAgent:
    return served_agent(configure_agent(VALUES, "test")[0])


@pytest.fixture(scope="session")
def captions() -> dict[str, np.ndarray]:
    """(n,) int16 at 16 kHz: 4.475 s, and just 16 chunks of 250 ms."""
    return {
        name: soundfile.read(CLIPS / f"{name}.flac", dtype="int16")[0] for name in ("caption_1", "caption_2")
    }


@pytest.fixture(scope="session")
def wavs(captions, tmp_path_factory) -> list[str]:
    """The captions as simulstream reads them."""
    folder = tmp_path_factory.mktemp("wavs")
    paths = {name: folder / f"{name}.wav" for name in captions}
    for name, path in paths.items():
        soundfile.write(path, captions[name], 16_000, subtype="PCM_16")
    return [str(path) for path in paths.values()]


@pytest.fixture(scope="session")
def simuleval_agent(agent) -> ReinaAgent:
    """SimulEval's agent of the same options, with a model of its own."""
    parser = ArgumentParser()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["simuleval"])
        ReinaAgent.add_args(parser)
    return ReinaAgent(parser.parse_args([]))


@pytest.fixture(scope="session")
def written(simuleval_agent):
    """written(samples, piece_ms, target): our SimulEval agent hears int16 samples in such pieces.

    The last piece is the end, as SimulEval plays a file. `knows_end` false: a server is told of the end only
    after it.
    """
    known = {}

    def write(
        samples: np.ndarray, piece_ms: int = 250, target: str = "de", knows_end: bool = False
    ) -> Written:
        key = (samples.tobytes(), piece_ms, target, knows_end)
        if key not in known:
            known[key] = _play(simuleval_agent, samples / np.float32(2**15), 16 * piece_ms, target, knows_end)
        return known[key]

    return write


def _play(agent: ReinaAgent, samples: np.ndarray, size: int, target: str, knows_end: bool) -> Written:
    agent.languages = LanguagePair("en", target)
    agent.states = agent.build_states()
    agent.reset()
    words, times_s = [], []
    for start in [*range(0, len(samples), size), len(samples)]:
        piece = samples[start : start + size].astype(np.float32)
        finished = start + size >= len(samples) if knows_end else not len(piece)
        segment = SpeechSegment(content=piece, sample_rate=16_000, finished=finished)
        said = agent.pushpop(segment if len(piece) else EmptySegment(finished=True)).content
        new = said.split() if said else []
        words += new
        times_s += [min(start + size, len(samples)) / 16_000] * len(new)
        if finished:
            return Written(words, times_s)
    raise AssertionError("the clip never ended")
