"""SimulSA on a random tiny Qwen2-Audio: the policy, real SimulEval, and all other agents on that model."""

import numpy as np
import pytest
import soundfile

from agents.alignatt_agent import AlignAttPolicy
from agents.engine import StreamingEngine
from agents.offline_agent import OfflinePolicy
from agents.policy import StreamView
from agents.simulsa_agent import SimulSAPolicy
from agents.stream.heard_audio import HeardAudio
from agents.waitk_agent import WaitKPolicy
from foundation.errors import InputError
from models.decoding.options import SearchOptions
from models.decoding.search import Hypothesis
from models.languages import LanguagePair
from models.policy.folder import StoredPolicy, save_policy
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.agents.simuleval_run import run_simuleval
from tests.models.tiny_qwen2_audio import write_tiny_qwen2_audio
from tests.models.tiny_reina import tiny_policy

AGENTS = {
    "simulsa": ["--rollback", 1],
    "offline": [],
    "waitk": ["--k", 1, "--step-ms", 300],
    "local_agreement": ["--agreeing-chunks", 1],  # two hypotheses of a random model never agree
    "holdn": ["--held-tokens", 1],
    "edatt": ["--alpha", 0.3],
    "alignatt": ["--recent-frames", 2],
    "reina": ["--threshold", 0.0],
}
WIDTH = 48  # of the tiny model's hidden states

GERMAN = LanguagePair("en", "de")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    write_tiny_qwen2_audio(folder / "model", seed=3, end_scale=2.0)
    save_policy(folder / "policy", StoredPolicy(tiny_policy(hidden_width=WIDTH), 0.0, "../model"))
    return folder / "model"


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Lists of two clips of noise that changes, and of their references."""
    folder = tmp_path_factory.mktemp("clips")
    for name, seconds in (("a", 2.2), ("b", 0.91)):
        samples = round(16_000 * seconds)
        noise = np.random.default_rng(ord(name)).normal(0, 0.1, samples) * np.sin(np.linspace(0, 9, samples))
        soundfile.write(folder / f"{name}.wav", noise, 16_000, subtype="FLOAT")
    (folder / "source.txt").write_text(f"{folder / 'a.wav'}\n{folder / 'b.wav'}\n")
    (folder / "target.txt").write_text("reference of a\nreference of b\n")
    return ["--source", folder / "source.txt", "--target", folder / "target.txt"]


def run(monkeypatch, output, agent, model, clips, *options):
    words = ["--agent", f"agents/{agent}_agent.py", "--model", model, "--chunk-ms", 300]
    return run_simuleval(monkeypatch, output, *words, *clips, "--target-language", "de", *options)


@pytest.mark.parametrize("agent", AGENTS)
def test_every_policy_runs_on_an_audio_language_model(agent, model, clips, tmp_path, monkeypatch):
    if agent == "reina":
        model = model.parent / "policy"
    log = run(monkeypatch, tmp_path / "out", agent, model, clips, *AGENTS[agent])
    for line in log:
        assert line["prediction"], "the random model of this seed always says something"
        assert len(line["delays"]) == len(line["prediction"].split())
        assert line["delays"] == sorted(line["delays"])
        assert all(delay % 300 == 0 or delay == line["source_length"] for delay in line["delays"])
    waits = all(delay == line["source_length"] for line in log for delay in line["delays"])
    assert waits == (agent == "offline")


def test_beam_search_runs_too(model, clips, tmp_path, monkeypatch):
    log = run(monkeypatch, tmp_path / "out", "simulsa", model, clips, "--beam", 3, "--rollback", 0)
    assert all(line["prediction"] for line in log)


def test_chinese_is_emitted_in_characters(model, clips, tmp_path, monkeypatch):
    options = ["--target-language", "zh", "--eval-latency-unit", "char"]
    log = run(monkeypatch, tmp_path / "out", "simulsa", model, clips, "--rollback", 0, *options)
    for line in log:
        assert len(line["delays"]) == line["prediction_length"] > 0
        assert "\N{REPLACEMENT CHARACTER}" not in line["prediction"]


def test_the_prompt_changes_what_is_written(model, clips, tmp_path, monkeypatch):
    prompt = "<|audio_bos|><|AUDIO|><|audio_eos|>{target}:"
    usual, asked = (
        run(monkeypatch, tmp_path / name, "simulsa", model, clips, *options)
        for name, options in (("1", []), ("2", ["--prompt", prompt]))
    )
    assert [line["prediction"] for line in usual] != [line["prediction"] for line in asked]


@pytest.mark.parametrize("rollback, committed", [(0, 4), (1, 3), (3, 1), (4, 0), (9, 0)])
def test_rollback_takes_the_newest_tokens_back(rollback, committed):
    hypothesis = Hypothesis((11, 12, 13, 14), -1.0, next_token=2)
    view = StreamView(1000.0, 0, [7, 8, 9], None)
    assert SimulSAPolicy(rollback).commit(hypothesis, view) == committed


def test_nothing_is_taken_back_at_the_end(model):
    """With all audio in one chunk the text is that of the offline run, whatever the rollback."""
    translator = load_translator(str(model), TranslatorOptions())
    engine = StreamingEngine(translator, SearchOptions())
    texts = []
    for policy in (SimulSAPolicy(rollback=5), OfflinePolicy()):
        stream = engine.open_stream(policy, GERMAN)
        samples = np.random.default_rng(1).normal(0, 0.1, 16_000).astype(np.float32)
        stream.audio.append(samples, 16_000, finished=True)
        texts += [decision.text for decision in engine.step([stream])]
    assert texts[0] == texts[1] != ""


@pytest.mark.parametrize("beam", [1, 3])
def test_a_stream_does_not_depend_on_the_streams_beside_it(beam, model):
    """Policies and lengths in one batch; two of each hear the same audio."""
    translator = load_translator(str(model), TranslatorOptions())
    options = SearchOptions(beam=beam, patience=2.0)
    engine = StreamingEngine(translator, options)
    jobs = [
        (policy, seed)
        for seed in (1, 2)
        for policy in (SimulSAPolicy(0), SimulSAPolicy(3), AlignAttPolicy(4), WaitKPolicy(1, 300.0))
    ]
    together = play(engine, jobs)
    assert together == [play(engine, [job])[0] for job in jobs]
    assert len({"".join(texts) for texts in together}) > 4


def play(engine, jobs):
    """Text after each chunk of 400 ms, of policies over noise of different length."""
    audio = {seed: HeardAudio(engine.translator.open_stream) for _, seed in jobs}
    streams = [engine.open_stream(policy, GERMAN, audio[seed]) for policy, seed in jobs]
    texts = [[] for _ in jobs]
    for chunk in range(4):
        for seed in audio:
            samples = np.random.default_rng([seed, chunk]).normal(0, 0.1, 3_200 * (seed + 1))
            audio[seed].append(samples, 16_000, finished=chunk == 3)
        for place, decision in enumerate(engine.step(streams)):
            texts[place].append(decision.text)
    return texts


def test_negative_rollback_is_refused():
    with pytest.raises(InputError, match="rollback must be at least 0, got -1"):
        SimulSAPolicy(-1)


BAD_OPTIONS = {
    "no place for audio": (["--prompt", "Translate into {target}."], "has 0 places for the audio"),
    "two places": (["--prompt", "<|AUDIO|> and <|AUDIO|> into {target}"], "has 2 places for the audio"),
    "no room": (["--prompt", "<|AUDIO|>" + " say" * 200], "leaves no room for the audio"),
    "no text behind": (["--prompt", "Hear: <|AUDIO|>"], "ends with the audio"),
    "unknown language": (["--target-language", "klingon"], "language 'klingon' is not known"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_options_stop_before_anything_is_written(case, model, clips, tmp_path, monkeypatch):
    options, message = BAD_OPTIONS[case]
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, tmp_path / "out", "simulsa", model, clips, *options)
    assert message in stop.value.code
    assert not (tmp_path / "out").exists()


def test_audio_longer_than_the_window_stops_before_anything_is_written(model, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "long.wav", np.zeros(7 * 16_000), 16_000)
    (tmp_path / "list.txt").write_text(f"{tmp_path / 'long.wav'}\n")
    clips = ["--source", tmp_path / "list.txt", "--target", tmp_path / "list.txt"]
    clips += ["--history", "none"]
    with pytest.raises(SystemExit, match="long.wav is 7.0 s long, but the model hears at most 6 s"):
        run(monkeypatch, tmp_path / "out", "simulsa", model, clips)
