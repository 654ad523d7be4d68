"""The paired bootstrap: what it must say where the answer is known."""

import math

import numpy as np
import pytest

from evaluation.metrics.significance import Resampling, compare, estimate, mean_of
from foundation.errors import InputError


def mean(values):
    return lambda weights: mean_of(np.asarray(values, dtype=float), weights)


def noisy(seed: int, shift: float = 0.0, utterances: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).normal(10 + shift, 1, utterances)


def test_identical_systems_have_p_one():
    both = mean(noisy(0))
    comparison = compare(*Resampling(200).scores(both, both))
    assert comparison.p_value == 1.0
    assert (comparison.difference.value, comparison.difference.low, comparison.difference.high) == (0, 0, 0)


def test_equal_systems_are_rarely_significant():
    p_values = [
        compare(*Resampling(200, 300, seed).scores(mean(noisy(seed)), mean(noisy(1000 + seed)))).p_value
        for seed in range(100)
    ]
    # Under the null hypothesis p is uniform: 5 of 100 lie below .05, and 12 or more with probability .004.
    assert sum(p < 0.05 for p in p_values) < 12
    assert 0.3 < np.mean(p_values) < 0.7


def test_clearly_different_systems_have_the_smallest_p_there_is():
    comparison = compare(*Resampling(200).scores(mean(noisy(0)), mean(noisy(1, shift=2))))
    assert comparison.p_value == 2 / 1001
    assert comparison.difference.low > 1.5


def test_pairing_finds_a_small_constant_difference():
    values = noisy(0)
    comparison = compare(*Resampling(200).scores(mean(values), mean(values + 0.01)))
    assert comparison.first.high > comparison.second.low
    assert comparison.p_value == 2 / 1001


def test_interval_is_that_of_theory():
    low_high = estimate(*(part[..., 0] for part in Resampling(200, 5000).scores(mean(noisy(0)))))
    error = 1.96 * noisy(0).std() / math.sqrt(200)
    assert low_high.value == pytest.approx(noisy(0).mean())
    assert low_high.low == pytest.approx(noisy(0).mean() - error, abs=0.02)
    assert low_high.high == pytest.approx(noisy(0).mean() + error, abs=0.02)


def test_seed_decides_the_resamples_and_every_statistic_sees_the_same():
    statistic = mean(noisy(0, utterances=50))
    first = Resampling(50, 300, seed=1).scores(statistic)[1]
    again = Resampling(50, 300, seed=1).scores(mean(noisy(1, utterances=50)), statistic)[1]
    other = Resampling(50, 300, seed=2).scores(statistic)[1]
    assert np.array_equal(first[:, 0], again[:, 1])
    assert not np.array_equal(first, other)


def test_undefined_values_are_left_out_of_a_mean():
    weights = np.array([[1.0, 1.0, 1.0], [0.0, 2.0, 1.0], [0.0, 3.0, 0.0]])
    assert mean_of(np.array([3.0, np.nan, 5.0]), weights).tolist()[:2] == [4.0, 5.0]
    assert math.isnan(mean_of(np.array([3.0, np.nan, 5.0]), weights)[2])


def test_score_that_resamples_do_not_have_is_refused():
    with pytest.raises(InputError, match="undefined in 100 of 100 resamples"):
        compare(*Resampling(3, 100).scores(mean([np.nan] * 3), mean([1, 2, 3])))


def test_too_few_resamples_are_refused():
    with pytest.raises(InputError, match="at least 100 resamples, got 10"):
        Resampling(3, 10)


def test_interval_leaves_out_0_exactly_where_p_is_below_5_percent():
    excluded = 0
    for seed in range(400):
        generator = np.random.default_rng(seed)
        resamples = int(generator.choice([100, 250, 999, 1000]))
        # Skewed, and near the border: here one method for the interval and another for p disagree.
        resampled = np.stack([np.zeros(resamples), generator.gamma(2, 1, resamples)], axis=1)
        resampled[:, 1] -= np.quantile(resampled[:, 1], generator.uniform(0.01, 0.04))
        found = compare(np.array([0.0, resampled[:, 1].mean()]), resampled)
        outside = found.difference.low > 0 or found.difference.high < 0
        assert outside == (found.p_value < 0.05), (seed, found)
        excluded += outside
    assert 100 < excluded < 300


def test_p_by_hand():
    differences = np.concatenate([np.full(25, -1.0), np.full(975, 2.0)])
    found = compare(np.array([0.0, 2.0]), np.stack([np.zeros(1000), differences], axis=1))
    # 26 of 1001, twice; the 25th of the sorted differences is the lower end.
    assert found.p_value == pytest.approx(52 / 1001)
    assert (found.difference.low, found.difference.high) == (-1.0, 2.0)
    found = compare(
        np.array([0.0, 2.0]), np.stack([np.zeros(1000), np.sort(differences)[1:].tolist() + [2.0]], axis=1)
    )
    assert found.p_value == pytest.approx(50 / 1001)
    assert found.difference.low == 2.0
