"""Every agent on a random tiny Canary, in real SimulEval."""

import json

import numpy as np
import pytest
import soundfile

from agents.alignatt_agent import AlignAttPolicy
from agents.engine import StreamingEngine
from models.decoding.options import SearchOptions
from models.languages import LanguagePair
from models.policy.folder import StoredPolicy, save_policy
from models.registry import load_translator
from models.translator import TranslatorOptions
from simulst import main
from tests.agents.simuleval_run import run_simuleval
from tests.models.tiny_canary import tiny_canary, write_tiny_canary
from tests.models.tiny_reina import tiny_policy

AGENTS = {
    "offline": [],
    "waitk": ["--k", 1, "--step-ms", 300],
    "local_agreement": ["--agreeing-chunks", 1],  # two hypotheses of a random model never agree
    "holdn": ["--held-tokens", 1],
    "edatt": ["--alpha", 0.3],
    "alignatt": ["--recent-frames", 2],
    "simulsa": ["--rollback", 1],
    "reina": ["--threshold", 2.0],
    "digsst": ["--threshold", 0.7],
}
POLICIES = {"reina": {}, "digsst": {"objective": "divergence"}}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    write_tiny_canary(folder / "model", tiny_canary(seed=1, end_scale=2.0))
    for agent, options in POLICIES.items():
        network = tiny_policy(hidden_width=32, **options)
        save_policy(folder / agent, StoredPolicy(network, 0.0, "../model"))
    return folder / "model"


@pytest.fixture(scope="module")
def clips(tmp_path_factory, speech):
    """Lists of two clips of speech, and of their references."""
    folder = tmp_path_factory.mktemp("clips")
    for name, seconds in (("a", 2.2), ("b", 0.91)):
        soundfile.write(folder / f"{name}.wav", speech[: round(16_000 * seconds)], 16_000, subtype="FLOAT")
    (folder / "source.txt").write_text(f"{folder / 'a.wav'}\n{folder / 'b.wav'}\n")
    (folder / "target.txt").write_text("reference of a\nreference of b\n")
    return folder


@pytest.mark.parametrize("agent", AGENTS)
def test_every_policy_runs_on_canary(agent, model, clips, tmp_path, monkeypatch):
    words = ["--agent", f"agents/{agent}_agent.py", "--chunk-ms", 300, "--target-language", "de"]
    words += ["--model", model.parent / agent if agent in POLICIES else model, *AGENTS[agent]]
    lists = ["--source", clips / "source.txt", "--target", clips / "target.txt"]
    log = run_simuleval(monkeypatch, tmp_path / "out", *words, *lists)
    for line in log:
        assert line["prediction"], "the random model of this seed always says something"
        assert len(line["delays"]) == len(line["prediction"].split())
        assert line["delays"] == sorted(line["delays"])
    waits = all(delay == line["source_length"] for line in log for delay in line["delays"])
    assert waits == (agent == "offline")


def test_an_evaluation_from_a_file(model, clips, tmp_path, capsys):
    """All streams together."""
    evaluation = tmp_path / "canary.yaml"
    evaluation.write_text(
        f"agent: alignatt\nmodel: {model}\nsource: {clips / 'source.txt'}\n"
        f"target: {clips / 'target.txt'}\noutput: {tmp_path / 'out'}\nchunk_ms: 300\n"
        "engine: batched\ntarget_language: de\npunctuation: false\n",
        encoding="utf-8",
    )
    assert main(["evaluate", str(evaluation)]) == 0
    assert "BLEU" in capsys.readouterr().out
    log = (tmp_path / "out" / "instances.log").read_text(encoding="utf-8")
    assert all(json.loads(line)["prediction"] for line in log.splitlines())


def test_a_recording_longer_than_the_window(model, speech):
    """48 s of speech in chunks of 4 s: once the window of 40 s is full, what was said before a pause goes."""
    translator = load_translator(str(model), TranslatorOptions())
    engine = StreamingEngine(translator, SearchOptions(maximum_tokens_per_second=1))
    stream = engine.open_stream(AlignAttPolicy(recent_frames=2), LanguagePair("en", "de"))
    recording = np.tile(speech, 8)[: 48 * 16_000]
    for chunk in range(12):
        samples = recording[64_000 * chunk : 64_000 * (chunk + 1)]
        stream.audio.append(samples, 16_000, finished=chunk == 11)
        [decision] = engine.step([stream])
        assert decision.error is None
    assert stream.audio.finished
