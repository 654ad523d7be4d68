"""Where the information is known, the REINA loss finds it: scores rank it, READs wait for it."""

from functools import cache

import pytest
import torch

from agents.digsst_agent import DigSstPolicy
from agents.reina_agent import ReinaPolicy
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.policy.network import PolicyNetwork, PolicyOptions
from models.policy.scored_translator import ScoredTranslator
from tests.train.spoken_numbers import (
    SPOKEN_S,
    VOCABULARY,
    NumberTranslator,
    heard,
    known_after_s,
    log_probabilities,
    sentences,
)
from train.policy.divergence_loss import divergence, divergence_loss
from train.policy.reina_loss import ReinaLossOptions, information_gain, reina_loss

CHUNK_S = 0.25


def ranks(values):
    """(n,) average ranks: equal values share theirs."""
    ordered, inverse, counts = values.unique(return_inverse=True, return_counts=True)
    return (counts.cumsum(0) - (counts - 1) / 2)[inverse]


def spearman(a, b):
    pair = torch.stack([ranks(a.flatten()), ranks(b.flatten())])
    return float(torch.corrcoef(pair)[0, 1])


def clips_of_known_gain(count, generator, tokens=12, width=16):
    """Hidden states (B, N, D) that hide, among noise, how much of each token's source is still to come.

    Tokens come about in the order of their source, as far as 1.5 tokens of reordering.
    """
    place = torch.arange(tokens) + 1.5 * torch.randn(count, tokens, generator=generator)
    heard_tokens = tokens * torch.rand(count, 1, generator=generator)
    lag = place - heard_tokens  # above 0: not heard yet
    gain = torch.nn.functional.softplus(lag)
    directions = torch.linalg.qr(torch.randn(width, width, generator=torch.Generator().manual_seed(0)))[0]
    features = torch.randn(count, tokens, width, generator=generator)
    features[..., 0] = lag / 3
    return features @ directions, gain, heard_tokens[:, 0]


def train_on_known_gain(score):
    """Scores and gains of unseen clips after a short training."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    network = PolicyNetwork(PolicyOptions(16, width=32, heads=2, dropout=0.0, score=score))
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(120):
        hidden, gain, heard_s = clips_of_known_gain(32, generator)
        mask = torch.ones_like(gain, dtype=torch.bool)
        loss = reina_loss(network(hidden, heard_s), gain, mask, ReinaLossOptions(score))
        optimiser.zero_grad()
        (loss.total / loss.tokens).backward()
        optimiser.step()
    hidden, gain, heard_s = clips_of_known_gain(200, generator)
    with torch.no_grad():
        return network.eval()(hidden, heard_s), gain


def test_scores_rank_the_information_that_is_missing():
    scores, gain = train_on_known_gain("logit")
    assert spearman(scores, gain) > 0.95


def test_probabilities_tell_much_information_from_little():
    """They saturate, so they do not rank what lies on one side of the mean."""
    scores, gain = train_on_known_gain("probability")
    much = gain > gain.mean()
    assert ((scores > 0) == much).float().mean() > 0.9


@cache
def train_on_numbers(objective, score="logit"):
    """A policy network that has seen random numbers, cut at random."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    options = PolicyOptions(VOCABULARY, width=32, dropout=0.0, objective=objective, score=score)
    network = PolicyNetwork(options)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(100):
        tokens = sentences(32, generator)
        heard_s = CHUNK_S * torch.randint(1, round(SPOKEN_S / CHUNK_S) + 1, (32,), generator=generator)
        partial = log_probabilities(tokens, heard_s)
        full = log_probabilities(tokens, torch.full_like(heard_s, SPOKEN_S))
        scores = network(partial, heard_s)
        mask = torch.ones_like(tokens, dtype=torch.bool)
        if objective == "gain":
            gain = information_gain(partial, full, tokens)
            loss = reina_loss(scores, gain, mask, ReinaLossOptions(score)).total
        else:
            loss = divergence_loss(scores, divergence(partial, full), mask)
        optimiser.zero_grad()
        (loss / mask.sum()).backward()
        optimiser.step()
    return network.eval()


@pytest.mark.parametrize(
    "objective, score, policy",
    [
        ("gain", "logit", ReinaPolicy(threshold=-4.0)),
        ("gain", "probability", ReinaPolicy(threshold=-2.0)),
        ("divergence", "logit", DigSstPolicy(threshold=0.2)),
    ],
)
def test_reads_exactly_where_the_missing_information_lies(objective, score, policy):
    """Numbers never seen, at the end of each chunk: all tokens are written up to the first unknown one."""
    network = train_on_numbers(objective, score)
    unseen = sentences(12, torch.Generator().manual_seed(99)).tolist()
    written = []
    for sentence in unseen:
        translator = ScoredTranslator(NumberTranslator(sentence), network)
        search = StreamingSearch(translator, SearchOptions(beam=1))
        for chunk in range(1, round(SPOKEN_S / CHUNK_S)):
            seconds = CHUNK_S * chunk
            unknown = (known_after_s() > seconds).nonzero()[0, 0]
            [found] = search.find(heard(seconds), [StreamRequest([], [], False, 20)], policy.read)
            assert list(found.tokens) == sentence[:unknown], f"after {seconds} s of {sentence}"
            written.append(int(unknown))
    assert set(written) == {0, 3}


def test_einundzwanzig_waits_for_one():
    """Having heard "twenty" says nothing about "ein"; "twenty-one" says everything."""
    network = train_on_numbers("gain")
    sentence = [2, 1, 11, 5, 1, 14, 0]  # ein und zwanzig, vier und fünfzig
    search = StreamingSearch(ScoredTranslator(NumberTranslator(sentence), network), SearchOptions())
    policy = ReinaPolicy(threshold=-4.0)
    request = StreamRequest([], [], False, 20)
    assert search.find(heard(0.5), [request], policy.read)[0].tokens == ()
    assert search.find(heard(1.0), [request], policy.read)[0].tokens == (2, 1, 11)
    committed = StreamRequest([], [2, 1, 11], False, 20)
    assert search.find(heard(1.5), [committed], policy.read)[0].tokens == ()
    ended = StreamRequest([], [2, 1, 11], True, 20)
    assert search.find(heard(2.0), [ended], policy.read)[0].tokens == (5, 1, 14)
