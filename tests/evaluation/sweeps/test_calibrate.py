"""The search for settings, on curves whose every point is known."""

import math

import numpy as np
import pytest

from evaluation.sweeps.calibration import Calibration, Knob
from foundation.errors import InputError


def calibration(curve, knob, noise=0.0):
    """Over runs of 50 utterances whose mean latency is curve(setting), up to noise."""
    spread = np.linspace(-0.5, 0.5, 50)

    def measure(settings):
        rounds.append(len(settings))
        jitter = {setting: noise * math.sin(1000 * setting) for setting in settings}
        return [curve(setting) + jitter[setting] + spread for setting in settings]

    rounds = []
    search = Calibration(knob, measure, lambda latencies: float(latencies.mean()))
    search.rounds = rounds
    return search


def falling(threshold):
    """Latency in s of a policy that READs above a threshold on a logit: an S."""
    return 0.6 + 4 / (1 + math.exp(1.5 * threshold))


THRESHOLD = Knob("threshold", -6, 6, whole=False)
CURVES = {
    "falling S": (falling, THRESHOLD),
    "rising line": (lambda frames: 0.5 + 0.02 * frames, Knob("frames", 0, 200, whole=False)),
    "hyperbola": (lambda alpha: 0.4 + 0.05 / alpha, Knob("alpha", 0.01, 0.9, whole=False)),
    "steep": (lambda x: 1 + 3 / (1 + math.exp(-30 * (x - 0.37))), Knob("x", -1, 1, whole=False)),
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("target", [1.2, 2.0, 3.1])
def test_target_is_met_in_few_runs(name, target):
    search = calibration(*CURVES[name])
    [found] = search.search([target], [0.02])
    assert found.value == pytest.approx(target, abs=0.02)
    assert len(search.runs) <= 10


def test_whole_numbers_get_as_close_as_they_can():
    search = calibration(lambda k: 0.4 + 0.3 * k, Knob("k", 1, 20, whole=True))
    [found] = search.search([2.0], [0.01])
    assert found.setting == 5 and found.value == pytest.approx(1.9)
    assert all(isinstance(run.setting, int) for run in search.runs)
    assert len(search.runs) <= 8


def test_noise_that_breaks_the_order_does_no_harm():
    search = calibration(falling, THRESHOLD, noise=0.03)
    found = search.search([1.5, 2.5, 3.5], [0.05] * 3)
    assert [run.value for run in found] == pytest.approx([1.5, 2.5, 3.5], abs=0.05)


def test_targets_of_a_round_are_simulated_side_by_side():
    search = calibration(falling, THRESHOLD)
    low, high = search.explore()
    targets = np.linspace(low, high, 6).tolist()
    found = search.search(targets, [0.05] * 6)
    assert [run.value for run in found] == pytest.approx(targets, abs=0.05)
    assert len(search.rounds) <= 3 and len(search.runs) <= 14


def test_five_targets_take_two_rounds_more_than_the_first():
    search = calibration(falling, THRESHOLD)
    targets = [0.8, 1.2, 2.0, 3.1, 4.0]
    found = search.search(targets, [0.02 * target for target in targets])
    assert [run.value for run in found] == pytest.approx(targets, rel=0.02)
    assert search.rounds == [5, 5, 5]


def test_each_target_has_a_tolerance_of_its_own():
    search = calibration(falling, THRESHOLD)
    close, far = search.search([1.5, 3.0], [0.001, 1.0])
    assert close.value == pytest.approx(1.5, abs=0.001)
    # The first round was good enough for this one; all others went to the first target.
    assert far.setting in (-6, -3, 0, 3, 6) and set(search.rounds[1:]) == {1}


def test_at_most_stays_below_the_target_but_close():
    for target in (1.0, 1.7, 2.9):
        found = calibration(falling, THRESHOLD).at_most(target, tolerance=0.05)
        assert target - 0.05 <= found.value <= target


def test_at_most_of_whole_numbers_is_the_last_that_fits():
    search = calibration(lambda k: 0.4 + 0.3 * k, Knob("k", 1, 20, whole=True))
    assert search.at_most(2.0, tolerance=0.01).setting == 5


def test_at_most_above_all_settings_is_the_slowest():
    search = calibration(lambda k: 0.4 + 0.3 * k, Knob("k", 1, 20, whole=True))
    assert search.at_most(99.0, tolerance=0.01).setting == 20
    assert search.rounds == [5]


@pytest.mark.parametrize("target", [0.3, 9.0])
def test_target_out_of_reach(target):
    search = calibration(falling, THRESHOLD)
    with pytest.raises(InputError, match="no threshold from -6 to 6 gives .*: they reach 0.60"):
        search.search([target], [0.01])


def test_at_most_below_all_settings():
    with pytest.raises(InputError, match="they reach"):
        calibration(falling, THRESHOLD).at_most(0.2, tolerance=0.01)


def test_latency_that_is_undefined():
    with pytest.raises(InputError, match="nothing at all was written at threshold -6 in time"):
        calibration(lambda threshold: math.nan, THRESHOLD).search([1.0], [0.1])


@pytest.mark.parametrize("low, high", [(1, 1), (2, 1), (0, math.inf), (math.nan, 1)])
def test_bad_range(low, high):
    with pytest.raises(InputError, match="the range of k must be in order"):
        Knob("k", low, high, whole=True)
