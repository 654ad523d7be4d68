"""Policies that read within the search, and write only what chunks in a row allow."""

import random

import pytest

from agents.agreement import AgreeingPolicy
from agents.alignatt_agent import AlignAttPolicy
from agents.digsst_agent import DigSstPolicy
from agents.edatt_agent import EDAttPolicy
from agents.engine import StreamingEngine
from agents.local_agreement_agent import LocalAgreementPolicy
from agents.policy import StreamView
from agents.reina_agent import ReinaPolicy
from foundation.errors import InputError
from models.decoding.hypotheses import Hypothesis
from models.decoding.options import SearchOptions
from tests.agents.test_engine import SENTENCE, play
from tests.models.scripted_translator import ScriptedTranslator, fixed_script, random_script

READING = (ReinaPolicy, DigSstPolicy, AlignAttPolicy, EDAttPolicy)


def counts(policy, *allowed, committed=()):
    """How many tokens each chunk commits that would write those; what is committed goes into the prefix."""
    memory, written, result = policy.open_memory(), list(committed), []
    for tokens in allowed:
        assert tokens[: len(written)] == tuple(written)
        hypothesis = Hypothesis(tokens[len(written) :], -0.1, 0)
        result.append(policy.commit(hypothesis, StreamView(0.0, 0, tuple(written), memory)))
        written += hypothesis.tokens[: result[-1]]
    return result


@pytest.mark.parametrize("policy", READING)
def test_by_default_the_last_chunk_decides_alone(policy):
    assert policy().agreeing_chunks is None
    assert counts(policy(), (1,), (1, 2, 3), (1, 2, 3), (1, 2, 3, 4)) == [1, 2, 0, 1]


@pytest.mark.parametrize("policy", READING)
def test_two_chunks_write_what_both_allow(policy):
    """The second says 9 where the first has guessed 3; of 5 the third knows nothing."""
    allowed = (1, 2, 3), (1, 2, 9, 5), (1, 2, 9), (1, 2, 9, 5, 6), (1, 2, 9, 5, 6)
    assert counts(policy(agreeing_chunks=2), *allowed) == [0, 2, 1, 0, 2]


def test_a_chunk_that_allows_nothing_stops_the_next_one():
    assert counts(ReinaPolicy(agreeing_chunks=2), (1, 2), (), (1, 2), (1, 2)) == [0, 0, 0, 2]


@pytest.mark.parametrize("chunks", [1, 2, 3, 4])
def test_what_is_committed_is_the_common_prefix(chunks):
    """Brute force, and local agreement, on random texts."""
    draw = random.Random(chunks)
    for _ in range(50):
        texts, written, found = [], [], []
        policy = AlignAttPolicy(agreeing_chunks=chunks)
        memory = policy.open_memory()
        for _ in range(8):
            text = (*written, *(draw.choice((1, 1, 1, 2)) for _ in range(draw.randrange(5))))
            texts.append(text)
            new = Hypothesis(text[len(written) :], -0.1, 0)
            count = policy.commit(new, StreamView(0.0, 0, tuple(written), memory))
            expected = 0
            if len(texts) >= chunks:
                last = texts[-chunks:]
                common = [places for places in zip(*last, strict=False)]
                while expected < len(common) and len(set(common[expected])) == 1:
                    expected += 1
                expected = max(0, expected - len(written))
            assert count == expected
            written += new.tokens[:count]
            found.append(count)
        assert sum(found) == len(written)


def test_agreement_goes_on_behind_text_that_has_left_the_window():
    policy = EDAttPolicy(agreeing_chunks=2)
    memory = policy.open_memory()
    policy.commit(Hypothesis((1, 2, 3, 4), -0.1, 0), StreamView(0.0, 0, (), memory))
    policy.forget(memory, 2)
    assert policy.commit(Hypothesis((4, 5), -0.1, 0), StreamView(0.0, 0, (3,), memory)) == 1


def test_alignatt_in_the_loop_writes_a_chunk_later():
    """Token n looks at frame 4 n, 20 frames a chunk; with 8 newest frames chunk c allows 5 c - 2 tokens."""

    def heard(**options):
        loop = StreamingEngine(ScriptedTranslator(fixed_script(SENTENCE, 14, 1.0), 14), SearchOptions())
        return play(loop, AlignAttPolicy(recent_frames=8, **options), seconds=1.2)

    assert heard()[:2] == ["Ab", " Cd E Gh I"]
    assert heard(agreeing_chunks=2)[:2] == ["", "Ab"]


def test_agreement_of_a_policy_that_never_reads_is_local_agreement():
    script = random_script(11, 10, sharpness=4.0)

    def heard(policy):
        return play(StreamingEngine(ScriptedTranslator(script, 10), SearchOptions()), policy)

    assert heard(AgreeingPolicy(agreeing_chunks=2)) == heard(LocalAgreementPolicy(2))


@pytest.mark.parametrize("policy", READING)
def test_fewer_than_one_chunk_is_refused(policy):
    with pytest.raises(InputError, match="agreeing_chunks must be at least 1, got 0"):
        policy(agreeing_chunks=0)
