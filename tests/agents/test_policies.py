"""Each policy alone: literal decisions on literal scores."""

import pytest
import torch

from agents.alignatt_agent import AlignAttPolicy
from agents.edatt_agent import EDAttPolicy
from agents.holdn_agent import HoldNPolicy
from agents.local_agreement_agent import LocalAgreementPolicy
from agents.offline_agent import OfflinePolicy
from agents.policy import Policy, StreamView
from agents.waitk_agent import WaitKPolicy
from foundation.errors import InputError
from models.decoding.search import DecodingStep, Hypothesis


def view(heard_ms=0.0, units_written=0, committed=(), memory=None):
    return StreamView(heard_ms, units_written, list(committed), memory)


def step(attention, frame_lengths):
    rows = len(frame_lengths)
    return DecodingStep(
        log_probabilities=torch.zeros(rows, 4),
        hidden=torch.zeros(rows, 2),
        attention=torch.tensor(attention),
        frame_lengths=torch.tensor(frame_lengths),
        streams=torch.arange(rows),
        tokens=torch.zeros(rows, 0, dtype=torch.int64),
    )


def hypothesis(*tokens):
    return Hypothesis(tokens, -1.0, 0)


def test_the_base_policy_writes_everything():
    policy = Policy()
    assert policy.units_allowed(view()) is None
    assert policy.read(step([[1.0]], [1])) is None
    assert policy.commit(hypothesis(4, 5, 6), view()) == 3


def test_offline_writes_nothing_before_the_end():
    assert OfflinePolicy().units_allowed(view(heard_ms=1e6)) == 0


@pytest.mark.parametrize(
    "heard_ms, written, allowed",
    [(0, 0, 0), (1199, 0, 0), (1200, 0, 1), (1200, 1, 0), (1600, 1, 1), (4000, 2, 6), (1600, 9, 0)],
)
def test_waitk_writes_a_word_for_each_step_after_k(heard_ms, written, allowed):
    assert WaitKPolicy(k=3, step_ms=400).units_allowed(view(heard_ms, written)) == allowed


@pytest.mark.parametrize("tokens, committed", [((), 0), ((1, 2), 0), ((1, 2, 3, 4, 5), 2)])
def test_holdn_keeps_the_newest_tokens_back(tokens, committed):
    assert HoldNPolicy(held_tokens=3).commit(hypothesis(*tokens), view()) == committed


def test_local_agreement_commits_what_two_chunks_share():
    policy = LocalAgreementPolicy(agreeing_chunks=2)
    memory = policy.open_memory()
    assert policy.commit(hypothesis(1, 2, 3), view(memory=memory)) == 0
    assert policy.commit(hypothesis(1, 2, 9, 4), view(memory=memory)) == 2
    # Both tokens are committed now; hypotheses hold what comes behind them.
    assert policy.commit(hypothesis(9, 4, 7), view(committed=[1, 2], memory=memory)) == 2
    assert (
        policy.commit(
            hypothesis(
                8,
            ),
            view(committed=[1, 2, 9, 4], memory=memory),
        )
        == 0
    )


def test_local_agreement_of_three_asks_three_chunks():
    policy = LocalAgreementPolicy(agreeing_chunks=3)
    memory = policy.open_memory()
    counts = [policy.commit(hypothesis(*tokens), view(memory=memory)) for tokens in [(1, 2), (1, 3), (1, 2)]]
    assert counts == [0, 0, 1]


def test_agreement_of_one_commits_everything():
    policy = LocalAgreementPolicy(agreeing_chunks=1)
    assert policy.commit(hypothesis(1, 2), view(memory=policy.open_memory())) == 2


def test_agreement_goes_on_behind_text_that_has_left_the_window():
    policy = LocalAgreementPolicy(agreeing_chunks=2)
    memory = policy.open_memory()
    policy.commit(Hypothesis((1, 2, 3, 4), -0.1, 0), view(memory=memory))
    policy.forget(memory, 2)
    assert policy.commit(Hypothesis((4, 5), -0.1, 0), view(committed=[3], memory=memory)) == 1


def test_edatt_reads_when_attention_leans_on_the_newest_frames():
    attention = [[0.5, 0.3, 0.15, 0.05, 0.0], [0.5, 0.2, 0.1, 0.1, 0.1], [0.1, 0.9, 0.0, 0.0, 0.0]]
    # Rows have heard 4, 5 and 2 frames: the last two carry .20, .20 and 1.0.
    policy = EDAttPolicy(alpha=0.3, newest_frames=2)
    assert policy.read(step(attention, [4, 5, 2])).tolist() == [False, False, True]
    assert EDAttPolicy(alpha=0.15).read(step(attention, [4, 5, 2])).tolist() == [True, True, True]


def test_alignatt_reads_when_the_most_attended_frame_is_among_the_newest():
    attention = [[0.1, 0.6, 0.2, 0.1, 0.0], [0.1, 0.2, 0.1, 0.6, 0.0], [0.0, 0.0, 0.0, 0.2, 0.8]]
    policy = AlignAttPolicy(recent_frames=2)
    assert policy.read(step(attention, [4, 4, 5])).tolist() == [False, True, True]
    assert AlignAttPolicy(recent_frames=4).read(step(attention, [4, 4, 5])).tolist() == [True, True, True]


@pytest.mark.parametrize(
    "policy_class, options",
    [
        (WaitKPolicy, {"k": 0}),
        (WaitKPolicy, {"step_ms": 0}),
        (WaitKPolicy, {"step_ms": float("nan")}),
        (HoldNPolicy, {"held_tokens": -1}),
        (LocalAgreementPolicy, {"agreeing_chunks": 0}),
        (EDAttPolicy, {"alpha": 0}),
        (EDAttPolicy, {"alpha": float("nan")}),
        (EDAttPolicy, {"newest_frames": 0}),
        (AlignAttPolicy, {"recent_frames": 0}),
    ],
)
def test_impossible_options_are_refused(policy_class, options):
    with pytest.raises(InputError):
        policy_class(**options)
