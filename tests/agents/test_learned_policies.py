"""REINA and DiG-SST: decisions on literal scores, what they ask of a model, and real SimulEval."""

import json
import math
from argparse import ArgumentParser

import numpy as np
import pytest
import soundfile
import torch

from agents.alignatt_agent import AlignAttPolicy
from agents.digsst_agent import DigSstAgent, DigSstPolicy
from agents.engine import StreamingEngine
from agents.holdn_agent import HoldNPolicy
from agents.offline_agent import OfflinePolicy
from agents.reina_agent import ReinaAgent, ReinaPolicy
from agents.streaming_agent import AgentOptions
from evaluation.configuration.evaluation_file import load_configuration
from foundation.errors import InputError
from models.decoding.options import SearchOptions
from models.decoding.search import DecodingStep
from models.languages import LanguagePair
from models.policy.folder import StoredPolicy, load_policy, save_policy
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.agents.simuleval_run import run_simuleval
from tests.models.tiny_reina import tiny_policy, write_tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper

ENGLISH = LanguagePair("en", "en")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """reina: with a policy for gains; whisper-gain, whisper-divergence: two policies for one Whisper."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny_reina(folder / "reina", seed=5, threshold=0.1, hears_duration=True)
    write_tiny_whisper(folder / "whisper", seed=3)
    for objective, threshold in (("gain", None), ("divergence", 0.6)):
        policy = StoredPolicy(tiny_policy(seed=3, objective=objective), threshold, "../whisper")
        save_policy(folder / f"whisper-{objective}", policy)
    return folder


def load(folder):
    return load_translator(str(folder), TranslatorOptions())


def step(*scores):
    rows = len(scores)
    return DecodingStep(
        log_probabilities=torch.zeros(rows, 4),
        hidden=torch.zeros(rows, 2),
        attention=None,
        frame_lengths=torch.ones(rows, dtype=torch.int64),
        streams=torch.arange(rows),
        tokens=torch.zeros(rows, 0, dtype=torch.int64),
        policy_score=torch.tensor(scores),
    )


def test_reina_reads_where_the_score_is_above_the_threshold():
    assert ReinaPolicy(threshold=-0.5).read(step(-3.0, -0.5, 0.0, 4.0)).tolist() == [False, False, True, True]


def test_digsst_writes_where_the_predicted_divergence_is_low():
    # softplus: 0.018, 0.313, 0.693, 4.018
    decisions = DigSstPolicy(threshold=0.5).read(step(-4.0, -1.0, 0.0, 4.0))
    assert decisions.tolist() == [False, False, True, True]


def test_scores_stay_with_their_rows_when_a_policy_sees_some_of_them():
    assert step(1.0, 2.0, 3.0).select(torch.tensor([2, 0])).policy_score.tolist() == [3.0, 1.0]


def test_rows_may_be_chosen_from_chosen_rows():
    some = step(1.0, 2.0, 3.0).select(torch.tensor([2, 0])).select(torch.tensor([1, 1, 0]))
    assert some.policy_score.tolist() == [1.0, 1.0, 3.0]
    assert some.streams.tolist() == [0, 0, 2]
    assert some.log_probabilities.shape == (3, 4)
    assert some.attention is None


def test_what_no_policy_looks_at_is_not_copied():
    some = step(1.0, 2.0).select(torch.tensor([0]))
    ReinaPolicy(threshold=0.0).read(some)
    assert "policy_score" in vars(some) and "log_probabilities" not in vars(some)


def test_threshold_of_the_model_is_the_default(models):
    translator = load(models / "reina")
    assert ReinaPolicy().for_model(translator) == ReinaPolicy(threshold=0.1)
    assert ReinaPolicy(threshold=2.0).for_model(translator) == ReinaPolicy(threshold=2.0)
    engine = StreamingEngine(translator, SearchOptions())
    assert engine.open_stream(ReinaPolicy(), ENGLISH).policy == ReinaPolicy(threshold=0.1)
    assert engine.open_stream(OfflinePolicy(), ENGLISH).policy == OfflinePolicy()


def test_agreement_of_the_model_is_the_default(models):
    policy = StoredPolicy(tiny_policy(seed=3), 0.1, "../whisper", agreeing_chunks=2)
    save_policy(models / "whisper-agreeing", policy)
    translator = load(models / "whisper-agreeing")
    assert ReinaPolicy().for_model(translator) == ReinaPolicy(threshold=0.1, agreeing_chunks=2)
    assert ReinaPolicy(agreeing_chunks=1).for_model(translator) == ReinaPolicy(0.1, agreeing_chunks=1)
    assert AlignAttPolicy().for_model(translator).agreeing_chunks is None


@pytest.mark.parametrize("found", [0, -1, 1.5, True, "2", 10**9])
def test_an_agreement_of_no_chunks_is_refused(found, tmp_path):
    save_policy(tmp_path, StoredPolicy(tiny_policy(), 0.1, None, agreeing_chunks=2))
    file = tmp_path / "policy.json"
    file.write_text(
        file.read_text().replace('"agreeing_chunks": 2', f'"agreeing_chunks": {json.dumps(found)}')
    )
    with pytest.raises(InputError, match="policy.json must give agreeing_chunks from 1 to 100000, or null"):
        load_policy(tmp_path)


@pytest.mark.parametrize(
    "policy, model, message",
    [
        (ReinaPolicy(), "whisper", "no policy network .* give a --model .* agents/alignatt_agent.py"),
        (DigSstPolicy(0.3), "whisper", "no policy network"),
        (ReinaPolicy(), "whisper-gain", "gives no threshold: add --threshold"),
        (ReinaPolicy(0.0), "whisper-divergence", "trained for 'divergence', this agent needs 'gain'"),
        (DigSstPolicy(), "reina", "trained for 'gain', this agent needs 'divergence'"),
    ],
)
def test_model_without_the_right_policy_is_refused(policy, model, message, models):
    with pytest.raises(InputError, match=message):
        policy.for_model(load(models / model))


@pytest.mark.parametrize(
    "policy, threshold",
    [(ReinaPolicy, math.nan), (ReinaPolicy, math.inf), (DigSstPolicy, math.nan), (DigSstPolicy, -0.1)],
)
def test_impossible_thresholds_are_refused(policy, threshold):
    with pytest.raises(InputError, match="threshold must be"):
        policy(threshold=threshold)


def noise(seconds, seed):
    return np.random.default_rng(seed).normal(0, 0.1, round(16_000 * seconds)).astype(np.float32)


def play(engine, jobs, chunk_ms=250):
    """Text after each chunk, of policies over waveforms in one batch."""
    streams = [engine.open_stream(policy, ENGLISH) for policy, _ in jobs]
    texts = [[] for _ in jobs]
    chunk = 16 * chunk_ms
    for start in range(0, max(len(waveform) for _, waveform in jobs), chunk):
        live = [at for at, (_, waveform) in enumerate(jobs) if start < len(waveform)]
        for at in live:
            waveform = jobs[at][1]
            piece = waveform[start : start + chunk]
            streams[at].audio.append(piece, 16_000, start + chunk >= len(waveform))
        for at, decision in zip(live, engine.step([streams[at] for at in live]), strict=True):
            texts[at].append(decision.text)
    return texts


def test_a_stream_does_not_depend_on_the_streams_beside_it(models):
    """Thresholds, other policies and lengths in one batch, beam 3."""
    engine = StreamingEngine(load(models / "reina"), SearchOptions(beam=3, patience=3.0))
    policies = [ReinaPolicy(threshold=value) for value in (-1.0, 0.0, 0.1, 1.5)] + [HoldNPolicy(2)]
    jobs = [(policy, noise(0.6 + 0.4 * at, at)) for at, policy in enumerate(policies)]
    together = play(engine, jobs)
    assert together == [play(engine, [job])[0] for job in jobs]
    assert len({tuple(texts) for texts in together}) > 3


def test_a_lower_threshold_waits_longer(models):
    engine = StreamingEngine(load(models / "whisper-gain"), SearchOptions())
    jobs = [(ReinaPolicy(threshold=value), noise(2.0, 1)) for value in (-1e6, 1e6)]
    never, always = ("".join(texts[:-1]) for texts in play(engine, jobs))
    assert never == "" and always != ""


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for name, seconds in (("a", 1.6), ("b", 0.8)):
        soundfile.write(folder / f"{name}.wav", noise(seconds, ord(name)), 16_000, subtype="FLOAT")
    (folder / "source.txt").write_text("".join(f"{folder / name}.wav\n" for name in "ab"))
    (folder / "target.txt").write_text("first\nsecond\n")
    return ["--source", folder / "source.txt", "--target", folder / "target.txt"]


@pytest.mark.parametrize(
    "agent, model, options",
    [("reina", "reina", ["--target-language", "de"]), ("digsst", "whisper-divergence", [])],
)
def test_agents_run_in_simuleval(agent, model, options, models, lists, tmp_path, monkeypatch):
    log = run_simuleval(
        monkeypatch, tmp_path / "out", "--agent", f"agents/{agent}_agent.py", "--model", models / model,
        *options, *lists,
    )  # fmt: skip
    assert len(log) == 2
    for line in log:
        assert len(line["delays"]) == len(line["prediction"].split())
        assert all(delay % 250 == 0 or delay == line["source_length"] for delay in line["delays"])


def test_missing_policy_ends_with_a_message(models, lists, tmp_path, monkeypatch):
    arguments = ["--agent", "agents/reina_agent.py", "--model", models / "whisper", *lists]
    arguments += ["--target-language", "en"]
    with pytest.raises(SystemExit, match="error: the model has no policy network"):
        run_simuleval(monkeypatch, tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("agent", [ReinaAgent, DigSstAgent])
def test_defaults_of_an_agent_are_those_of_the_paper(agent, monkeypatch):
    monkeypatch.setattr("sys.argv", ["simuleval", "--patience", "2"])
    parser = ArgumentParser()
    parser.add_argument("--source-segment-size", type=int, default=1)
    agent.add_args(parser)
    parsed = parser.parse_args(["--patience", "2"])
    assert (parsed.chunk_ms, parsed.beam, parsed.patience) == (250, 3, 2.0)
    assert parsed.source_segment_size == 250
    assert "1 is greedy search. (default: 3)" in " ".join(parser.format_help().split())


@pytest.mark.parametrize("line, beam", [("", 3), ("beam: 5\n", 5)])
def test_evaluation_files_start_from_the_defaults_of_their_agent(line, beam, tmp_path):
    file = tmp_path / "reina.yaml"
    file.write_text(f"agent: reina\nsource: source.txt\ntarget: target.txt\n{line}")
    options = {type(options): options for options in load_configuration(file).parts}
    assert options[AgentOptions].chunk_ms == 250
    assert (options[SearchOptions].beam, options[SearchOptions].patience) == (beam, 3.0)
