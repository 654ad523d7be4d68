"""Where tokens looked: frames become bins of time, and those of a word are added."""

import math

import pytest
import torch

from agents.alignatt_agent import AlignAttPolicy
from agents.holdn_agent import HoldNPolicy
from agents.stream.attention_curve import AttentionCurve, attention_curves
from agents.stream.decision import Decision
from models.languages import LanguagePair
from tests.agents.test_engine import GERMAN, engine, hear
from tests.models.scripted_translator import random_script


def test_frames_count_for_the_bin_in_which_their_middle_lies():
    """Frames of 80 ms behind 50 ms that were forgotten: middles at 90, 170, 250 and 330 ms."""
    [curve] = attention_curves(
        torch.tensor([[0.125, 0.25, 0.5, 0.0625]]), torch.tensor([80.0, 160.0, 240.0, 320.0]), start_ms=50.0
    )
    assert curve == AttentionCurve(0.0, (0.125, 0.25, 0.5, 0.0625))
    [curve] = attention_curves(torch.tensor([[0.25, 0.5]]), torch.tensor([20.0, 40.0]), start_ms=1000.0)
    assert curve == AttentionCurve(1000.0, (0.75,))


def test_what_was_not_attended_to_is_left_out_at_both_ends():
    weights = torch.tensor([[0.0, 0.5, 0.0, 0.25, 0.0], [0.0] * 5, [math.nan] * 5])
    curves = attention_curves(weights, 100.0 * torch.arange(1, 6), start_ms=0.0)
    assert curves == (
        AttentionCurve(100.0, (0.5, 0.0, 0.25)),
        AttentionCurve(0.0, ()),
        AttentionCurve(0.0, ()),
    )
    assert attention_curves(torch.empty(2, 0), torch.empty(0), 300.0) == (AttentionCurve(300.0, ()),) * 2


def test_the_curve_of_a_word_is_the_sum_of_its_tokens():
    first, second = AttentionCurve(200.0, (0.5, 0.25)), AttentionCurve(300.0, (0.5, 0.0, 0.125))
    assert AttentionCurve.sum_of([first, second]) == AttentionCurve(200.0, (0.5, 0.75, 0.0, 0.125))
    assert AttentionCurve.sum_of([AttentionCurve(700.0, ()), first]) == first
    assert AttentionCurve.sum_of([]) == AttentionCurve(0.0, ())


def test_two_decisions_in_one_keep_a_curve_for_each_token_and_the_next():
    a, b, c = (AttentionCurve(100.0 * place, (1.0,)) for place in range(3))
    both = Decision(500.0, "x", (1,), (0.0,), attention=(a, b)).then(
        Decision(900.0, "", (), (), attention=(c,))
    )
    assert both.attention == (a, c)


@pytest.mark.parametrize("policy", [AlignAttPolicy(recent_frames=3), HoldNPolicy(1)])
def test_each_token_has_the_curve_of_the_frame_that_its_time_is_of(policy):
    """The scripted model looks at one frame for each token; alone and beside a stream that is not asked."""
    loop = engine(random_script(3, 10, sharpness=4.0), vocabulary=10)
    streams = [loop.open_stream(policy, GERMAN), loop.open_stream(policy, LanguagePair("en", "fr"))]
    plain = [loop.open_stream(policy, one.languages) for one in streams]
    written = 0
    for _ in range(6):
        for stream in (*streams, *plain):
            hear(stream.audio, 400)
        told = loop.step(streams, with_times=True, with_attention=True)
        assert [one.tokens for one in told] == [one.tokens for one in loop.step(plain)]
        for decision in told:
            assert len(decision.attention) in (0, len(decision.tokens) + 1)
            for time_ms, curve in zip(decision.times_ms, decision.attention[:-1], strict=False):
                peak = max(range(len(curve.weights)), key=curve.weights.__getitem__)
                assert curve.begin_ms + 100 * peak < time_ms <= curve.begin_ms + 100 * (peak + 1) + 100
                written += 1
    assert written > 3
    assert all(one.attention == () for one in loop.step(plain))
