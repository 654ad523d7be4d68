"""Every agent decides the same with drafts and without, on models whose hypotheses change all the time."""

import numpy as np
import pytest
import torch

from agents.alignatt_agent import AlignAttPolicy
from agents.digsst_agent import DigSstPolicy
from agents.edatt_agent import EDAttPolicy
from agents.engine import StreamingEngine
from agents.history import HistoryOptions
from agents.holdn_agent import HoldNPolicy
from agents.local_agreement_agent import LocalAgreementPolicy
from agents.offline_agent import OfflinePolicy
from agents.reina_agent import ReinaPolicy
from agents.simulsa_agent import SimulSAPolicy
from agents.waitk_agent import WaitKPolicy
from models.decoding.drafts import DraftedRows
from models.decoding.options import SearchOptions
from models.languages import LanguagePair
from models.policy.folder import StoredPolicy, save_policy
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.tiny_reina import tiny_policy
from tests.models.tiny_whisper import write_tiny_whisper

CHUNKS = [5000, 9000, 4000, 8000]  # samples at 16 kHz


@pytest.fixture(scope="module")
def translators(tmp_path_factory):
    """By what their policy network was trained for."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny_whisper(folder / "whisper", seed=3, alignment_heads=[[0, 0], [1, 1]])
    for objective in ("gain", "divergence"):
        network = tiny_policy(seed=3, objective=objective, hears_duration=True)
        save_policy(folder / objective, StoredPolicy(network, 0.1, "../whisper"))
    return {
        objective: load_translator(str(folder / objective), TranslatorOptions(attention_layer=1))
        for objective in ("gain", "divergence")
    }


def policies(objective):
    if objective == "divergence":
        return [DigSstPolicy(threshold=limit) for limit in (0.3, 0.6, 0.9)]
    return [
        *(OfflinePolicy(), WaitKPolicy(k=1, step_ms=200), LocalAgreementPolicy(2), LocalAgreementPolicy(3)),
        *(HoldNPolicy(3), HoldNPolicy(0), AlignAttPolicy(4), AlignAttPolicy(20), EDAttPolicy()),
        *(SimulSAPolicy(), ReinaPolicy(threshold=0.0), ReinaPolicy(threshold=0.4)),
    ]


def decided(translator, policies, drafts, shared=False, **options):
    """All that each of the policies decides upon one noise, taking steps together."""
    history = HistoryOptions(**options.pop("history", {}))
    engine = StreamingEngine(translator, SearchOptions(drafts=drafts, **options), history=history)
    pair = LanguagePair("en", "en")
    audio = engine.open_audio() if shared else None
    streams = [engine.open_stream(policy, pair, audio) for policy in policies]
    chance = np.random.default_rng(7)
    decisions = []
    for at, samples in enumerate(CHUNKS):
        sound = chance.normal(0, 0.1, samples).astype(np.float32)
        for heard in {id(stream.audio): stream.audio for stream in streams}.values():
            heard.append(sound, 16_000, finished=at == len(CHUNKS) - 1)
        decisions += engine.step(streams, with_scores=True, with_times=True)
    return decisions, streams


def assert_equal(plain, drafted):
    assert sum(len(decision.tokens) for decision in plain) > 5
    for one, other in zip(plain, drafted, strict=True):
        assert one.error is None and other.error is None
        assert (one.heard_ms, one.text, one.tokens) == (other.heard_ms, other.text, other.tokens)
        assert one.times_ms == other.times_ms
        assert (one.scores is None) == (other.scores is None)
        if one.scores is not None:
            assert (one.scores.tokens, one.scores.written) == (other.scores.tokens, other.scores.written)
            assert one.scores.values == pytest.approx(other.scores.values, abs=1e-4)


@pytest.fixture
def computed(monkeypatch):
    """Rows that have been computed step by step so far."""
    counts = []
    wake = DraftedRows._wake
    monkeypatch.setattr(DraftedRows, "_wake", lambda self, now: counts.append(1) or wake(self, now))
    return counts


@pytest.mark.parametrize("objective", ["gain", "divergence"])
@pytest.mark.parametrize("shared", [False, True])
def test_every_agent_decides_the_same(translators, objective, shared, computed):
    translator, asked = translators[objective], policies(objective)
    for options in ({}, {"blocked_ngram": 2, "look_ahead": True}):
        plain, _ = decided(translator, asked, False, shared, **options)
        assert not computed
        drafted, _ = decided(translator, asked, True, shared, **options)
        assert_equal(plain, drafted)
        assert computed
        computed.clear()


@pytest.mark.parametrize("policy", [LocalAgreementPolicy(2), ReinaPolicy(threshold=0.0), SimulSAPolicy()])
def test_an_agent_alone_decides_the_same(translators, policy):
    plain, _ = decided(translators["gain"], [policy], False)
    assert_equal(plain, decided(translators["gain"], [policy], True)[0])


def test_a_wide_beam_goes_without_drafts(translators, computed):
    asked = [LocalAgreementPolicy(2), ReinaPolicy(threshold=0.0)]
    plain, _ = decided(translators["gain"], asked, False, beam=2)
    assert_equal(plain, decided(translators["gain"], asked, True, beam=2)[0])
    assert not computed


def test_histories_that_forget_decide_the_same(translators):
    """What is expected stands behind the committed text, whatever leaves before it."""
    asked = [HoldNPolicy(3), LocalAgreementPolicy(2), AlignAttPolicy(4)]
    forgotten = []
    for history in ({"history": "attention", "kept_words": 2}, {"window_s": 0.7}):
        plain, _ = decided(translators["gain"], asked, False, history=history)
        drafted, streams = decided(translators["gain"], asked, True, history=history)
        assert_equal(plain, drafted)
        forgotten += [len(stream.text.context) for stream in streams]
    assert any(forgotten)


def test_a_stream_expects_what_it_has_not_written(translators):
    """Held back tokens and the one that would come next, until an utterance begins anew."""
    engine = StreamingEngine(translators["gain"], SearchOptions())
    stream = engine.open_stream(HoldNPolicy(3), LanguagePair("en", "en"))
    stream.audio.append(np.random.default_rng(1).normal(0, 0.1, 16_000).astype(np.float32), 16_000)
    with torch.inference_mode():
        [decision] = engine.step([stream])
    assert stream.text.committed == list(decision.tokens)
    assert len(stream.draft) >= 3 and translators["gain"].tokenizer.end_of_sequence not in stream.draft
    stream.begin_anew()
    assert stream.draft == ()
