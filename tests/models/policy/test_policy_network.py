"""The policy network: its cache against recomputation, padding, the duration embedding."""

import math

import pytest
import torch

from models.policy.network import PolicyNetwork, PolicyOptions, duration_embedding, predicted_divergence
from tests.models.tiny_reina import tiny_policy

WIDTH = 32


def states(*shape, seed=0):
    return torch.randn(*shape, WIDTH, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
@pytest.mark.parametrize("hears_duration", [False, True])
def test_rows_can_be_reordered_repeated_and_dropped(hears_duration):
    """Whatever happened to a row, its scores are those of its own hidden states read at once."""
    network = tiny_policy(hears_duration=hears_duration)
    lengths = [5, 2, 3]
    hidden, heard_s = states(3, 5), torch.tensor([1.0, 7.5, 20.0])
    cache = network.open_cache(3, hidden.device)
    first = network.score_tokens(hidden, torch.tensor(lengths), heard_s, cache)
    rows = [hidden[row, :length] for row, length in enumerate(lengths)]
    heard = list(heard_s)
    for row, length in enumerate(lengths):
        expected = network(rows[row][None], heard_s[row : row + 1])
        assert torch.allclose(first[row, :length], expected[0], atol=1e-5)

    generator = torch.Generator().manual_seed(1)
    for chosen in ([0, 0, 1, 1, 2], [4, 0, 1, 2, 3], [1, 0, 2, 2, 4], [0, 3], [1, 1, 0], [2], [0, 0]):
        cache.select(torch.tensor(chosen))
        new = torch.randn(len(chosen), 1, WIDTH, generator=generator)
        rows = [torch.cat([rows[at], new[place]]) for place, at in enumerate(chosen)]
        heard = [heard[at] for at in chosen]
        ones = torch.ones(len(chosen), dtype=torch.int64)
        scores = network.score_tokens(new, ones, torch.stack(heard), cache)
        for place, row in enumerate(rows):
            expected = network(row[None], heard[place][None])
            assert torch.allclose(scores[place, 0], expected[0, -1], atol=1e-5)


@torch.no_grad()
def test_padding_and_later_tokens_change_nothing():
    network = tiny_policy()
    hidden, heard_s = states(4, 9), torch.arange(4.0)
    together = network(hidden, heard_s)
    for row, length in enumerate([9, 1, 4, 6]):
        alone = network(hidden[row : row + 1, :length], heard_s[row : row + 1])
        assert torch.allclose(together[row, :length], alone[0], atol=1e-5)


@torch.no_grad()
def test_only_a_network_with_duration_hears_it():
    hidden = states(1, 4)
    for hears_duration in (False, True):
        network = tiny_policy(hears_duration=hears_duration)
        short, long = (network(hidden, torch.tensor([seconds])) for seconds in (1.0, 9.0))
        assert torch.equal(short, long) != hears_duration


def test_durations_are_embedded_as_in_the_paper():
    seconds, width = 12.3, 8
    angles = [seconds / 100 ** (2 * i / width) for i in range(width // 2)]
    expected = [*map(math.sin, angles), *map(math.cos, angles)]
    assert duration_embedding(torch.tensor([seconds]), width)[0].tolist() == pytest.approx(expected, abs=1e-5)


def test_predicted_divergence_is_never_negative_and_keeps_the_order():
    values = predicted_divergence(torch.tensor([-50.0, -1.0, 0.0, 3.0]))
    assert values.min() >= 0 and torch.equal(values, values.sort().values)


def test_scores_are_float32_in_half_precision():
    network = tiny_policy(hears_duration=True).to(torch.bfloat16)
    scores = network(states(2, 3).bfloat16(), torch.tensor([1.0, 2.0]))
    assert scores.dtype == torch.float32 and scores.shape == (2, 3)


@pytest.mark.parametrize(
    "changes", [{"objective": "entropy"}, {"score": "rank"}, {"heads": 3}, {"layers": 0}, {"width": 15}]
)
def test_impossible_options_are_refused(changes):
    with pytest.raises(ValueError):
        PolicyNetwork(PolicyOptions(**{"hidden_width": 8, "width": 16, "heads": 2} | changes))
