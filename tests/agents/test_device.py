"""All models and policies on another device than the one that the numbers of Python are on."""

import numpy as np
import pytest

from agents.alignatt_agent import AlignAttPolicy
from agents.digsst_agent import DigSstPolicy
from agents.edatt_agent import EDAttPolicy
from agents.engine import StreamingEngine
from agents.holdn_agent import HoldNPolicy
from agents.local_agreement_agent import LocalAgreementPolicy
from agents.offline_agent import OfflinePolicy
from agents.policy import Policy
from agents.reina_agent import ReinaPolicy
from agents.simulsa_agent import SimulSAPolicy
from agents.waitk_agent import WaitKPolicy
from models.decoding import search as search_module
from models.decoding.options import SearchOptions
from models.decoding.repetition import NoRepeatedPhrases
from models.languages import LanguagePair
from models.policy.folder import StoredPolicy, save_policy
from models.registry import load_translator
from models.sound.audio import SAMPLE_RATE
from models.translator import TranslatorOptions
from tests.models.tiny_canary import tiny_canary, write_tiny_canary
from tests.models.tiny_qwen2_audio import write_tiny_qwen2_audio
from tests.models.tiny_reina import tiny_policy, write_tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper
from tests.pretended_device import counted_waits, pretended_device

POLICIES = (
    Policy(),
    OfflinePolicy(),
    WaitKPolicy(k=2, step_ms=300),
    HoldNPolicy(held_tokens=2),
    LocalAgreementPolicy(agreeing_chunks=2),
    EDAttPolicy(alpha=0.3),
    AlignAttPolicy(recent_frames=4),
    SimulSAPolicy(rollback=1),
)
CHUNK_MS, CHUNKS = 300, 6


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_tiny_whisper(folder / "whisper", seed=3)
    write_tiny_reina(folder / "reina", seed=5, threshold=0.1, hears_duration=True)
    write_tiny_qwen2_audio(folder / "qwen2-audio", seed=3, end_scale=2.0)
    divergence = tiny_policy(seed=3, objective="divergence")
    save_policy(folder / "whisper-divergence", StoredPolicy(divergence, 0.6, "../whisper"))
    gain = tiny_policy(seed=3, hidden_width=48)
    save_policy(folder / "qwen2-audio-gain", StoredPolicy(gain, 0.0, "../qwen2-audio"))
    write_tiny_canary(folder / "canary", tiny_canary(seed=1, end_scale=2.0))
    save_policy(folder / "canary-gain", StoredPolicy(tiny_policy(seed=3, hidden_width=32), 0.0, "../canary"))
    return folder


def written(folder, device, search, policies):
    """The text that is new in each stream after each chunk, and all scores that a policy gave."""
    translator = load_translator(str(folder), TranslatorOptions(device=device))
    languages = LanguagePair("de", "en") if folder.name.startswith("whisper") else LanguagePair("en", "de")
    engine = StreamingEngine(translator, search)
    streams = [engine.open_stream(policy, languages) for policy in policies]
    noise, texts, scores = np.random.default_rng(0), [], []
    for chunk in range(CHUNKS):
        for stream in streams:
            samples = noise.normal(0, 0.1, 16 * CHUNK_MS).astype(np.float32)
            stream.audio.append(samples, SAMPLE_RATE, finished=chunk == CHUNKS - 1)
        decisions = engine.step(streams, with_scores=True, with_times=chunk % 2 == 1)
        assert all(decision.error is None for decision in decisions)
        texts.append([(decision.text, decision.times_ms) for decision in decisions])
        for decision in decisions:
            values = () if decision.scores is None else decision.scores.values
            scores += [value for value in values if value is not None]
    return texts, scores


@pytest.mark.parametrize(
    "search",
    [
        SearchOptions(),
        SearchOptions(beam=3, patience=3.0, blocked_ngram=2),
        SearchOptions(beam=2, look_ahead=True),
    ],
    ids=["greedy", "beams", "look-ahead"],
)
@pytest.mark.parametrize(
    ("model", "learned"),
    [
        ("whisper-divergence", DigSstPolicy()),
        ("reina", ReinaPolicy()),
        ("qwen2-audio-gain", ReinaPolicy()),
        ("canary-gain", ReinaPolicy()),
    ],
    ids=["whisper", "reina", "qwen2-audio", "canary"],
)
def test_every_policy_writes_the_same_on_another_device(model, learned, search, models):
    policies = [*POLICIES, learned]
    texts, scores = written(models / model, "cpu", search, policies)
    assert len(scores) > CHUNKS and any(text for chunk in texts for text, _ in chunk)
    with pretended_device() as device:
        texts_there, scores_there = written(models / model, device, search, policies)
    assert texts_there == texts
    assert scores_there == pytest.approx(scores, abs=1e-4)


@pytest.fixture
def waits_of_steps(monkeypatch):
    """Steps of all searches so far, and the calls in them that made the host wait for the device."""
    run, counted = search_module._Run, {"steps": 0, "loops": 0, "waits": []}
    filtered, searched, looked_at = run._filter, run.hypotheses, NoRepeatedPhrases._likeliest

    def count_step(self):
        counted["steps"] += 1
        return filtered(self)

    def watch(self):
        with counted_waits() as waits:
            hypotheses = searched(self)
        counted["waits"] += waits
        return hypotheses

    def count_loop(self, *given):
        counted["loops"] += 1
        return looked_at(self, *given)

    monkeypatch.setattr(NoRepeatedPhrases, "_likeliest", count_loop)
    monkeypatch.setattr(run, "_filter", count_step)
    monkeypatch.setattr(run, "hypotheses", watch)
    return counted


@pytest.mark.parametrize(
    "search",
    [SearchOptions(repeated_phrase=0), SearchOptions(beam=3, patience=3.0, blocked_ngram=2)],
    ids=["greedy", "beams"],
)
@pytest.mark.parametrize(
    ("model", "learned"),
    [
        ("whisper-divergence", DigSstPolicy()),
        ("reina", ReinaPolicy()),
        ("qwen2-audio-gain", ReinaPolicy()),
    ],
    ids=["whisper", "reina", "qwen2-audio"],
)
def test_a_step_waits_for_the_device_once(model, learned, search, models, waits_of_steps):
    """Whatever the policies, also those that look at attention; and once more where a row would loop."""
    with pretended_device() as device:
        written(models / model, device, search, [*POLICIES, learned])
    assert waits_of_steps["steps"] > 3 * CHUNKS
    assert (waits_of_steps["loops"] > 0) <= (search.repeated_phrase > 0)
    assert waits_of_steps["waits"] == ["cpu"] * (waits_of_steps["steps"] + waits_of_steps["loops"])
