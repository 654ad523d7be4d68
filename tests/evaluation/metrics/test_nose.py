"""NoSE of published curves, against brute force, and what it refuses."""

import random
import re

import pytest

from evaluation.metrics.curve import Axes, Curve, OperatingPoint
from evaluation.metrics.nose import VERSION, common_bounds, joint_signature, nose
from foundation.errors import InputError
from tests.evaluation.streamspeech import DE_EN, ES_EN, FR_EN

SECONDS_OF_AL = Axes()


def curve(points, offline=30.0, system="mine", axes=SECONDS_OF_AL) -> Curve:
    return Curve(system, tuple(OperatingPoint(*point) for point in points), offline, axes, "greedy")


@pytest.mark.parametrize("published", [FR_EN, ES_EN, DE_EN], ids=["fr-en", "es-en", "de-en"])
def test_streamspeech(published):
    points, bounds, offline, score = published
    assert f"{nose(curve(points, offline), bounds).score:.3f}" == f"{score:.3f}"


def test_a_triangle_by_hand():
    # From 1 to 2 quality rises from 10 to 20; between 1.5 and 3 its mean is (17.5 * .5 + 20 * 1) / 1.5.
    score = nose(curve([(1, 10), (2, 20), (4, 20)], offline=20), (1.5, 3)).score
    assert score == pytest.approx((17.5 * 0.5 + 20 * 1) / 1.5 / 20)


def test_offline_quality_everywhere_is_one():
    assert nose(curve([(1, 30), (5, 30)])).score == 1.0


@pytest.mark.parametrize("seed", range(20))
def test_against_a_sum_over_many_thin_strips(seed):
    numbers = random.Random(seed)
    points = [(numbers.uniform(0, 5), numbers.uniform(0, 40)) for _ in range(numbers.randint(2, 9))]
    first, last = min(points)[0], max(points)[0]
    low, high = sorted(numbers.uniform(first, last) for _ in range(2))
    strips, total = 20_000, 0.0
    for strip in range(strips):
        total += _quality(points, low + (strip + 0.5) * (high - low) / strips)
    assert nose(curve(points, 35.0), (low, high)).score == pytest.approx(total / strips / 35.0, rel=1e-4)


def test_order_of_points_does_not_matter():
    points = FR_EN[0]
    assert nose(curve(points[::-1]), (2, 4)).score == nose(curve(points), (2, 4)).score


def test_bounds_outside_the_curve_are_refused_with_its_range():
    for bounds in ((0.5, 2), (1, 4.5), (-1, 9)):
        with pytest.raises(InputError, match=re.escape("curve of mine, which goes from 1.0 to 4.0 s of AL")):
            nose(curve([(1, 10), (4, 20)]), bounds)


@pytest.mark.parametrize("bounds", [(2, 2), (3, 2), (float("nan"), 2), (1, float("nan"))])
def test_bounds_out_of_order_are_refused(bounds):
    with pytest.raises(InputError, match="bounds must be in order"):
        nose(curve([(1, 10), (4, 20)]), bounds)


def test_common_bounds_are_the_widest_that_all_curves_reach():
    curves = [curve([(1, 10), (4, 20)]), curve([(2, 10), (3, 15), (6, 20)]), curve([(0, 1), (3.5, 2)])]
    assert common_bounds(curves) == (2, 3.5)


def test_curves_without_common_latencies_are_refused():
    curves = [curve([(1, 10), (2, 20)], system="a"), curve([(2, 10), (3, 20)], system="b")]
    with pytest.raises(InputError, match=re.escape("no latencies in common (a 1 to 2, b 2 to 3 s)")):
        common_bounds(curves)


def test_curves_of_different_metrics_are_refused():
    points = [(1, 10), (2, 20)]
    curves = [curve(points, system="a"), curve(points, system="b", axes=Axes("chrF", "LAAL", "ms"))]
    with pytest.raises(InputError, match=re.escape("a shows BLEU over AL (s), b chrF over LAAL (ms)")):
        common_bounds(curves)


def test_signature_says_all_that_a_score_depends_on():
    score = nose(curve([(1, 10), (4, 20)], axes=Axes("chrF", "LAAL", "ms")), (1.25, 3))
    assert score.signature == (
        "metric:NoSE|bounds:[1.25,3.0]|quality:chrF|latency:LAAL|unit:ms|offline:30|decoding:greedy|points:2"
        f"|version:{VERSION}"
    )


def test_joint_signature_lists_what_differs():
    scores = [nose(curve([(1, 10), (4, 20)], offline), (1, 3)) for offline in (30.0, 25.5)]
    assert "|offline:30,25.5|decoding:greedy|points:2,2|" in joint_signature(scores)


def _quality(points: list[tuple[float, float]], latency: float) -> float:
    points = sorted(points)
    for (x, y), (next_x, next_y) in zip(points, points[1:], strict=False):
        if x <= latency <= next_x:
            return y + (next_y - y) * (latency - x) / (next_x - x)
    raise AssertionError("outside")
