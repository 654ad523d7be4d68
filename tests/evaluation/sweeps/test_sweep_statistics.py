"""NoSE under resampling equals NoSE of curves made from the resampled sentences."""

from dataclasses import replace

import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from evaluation.logs.run_log import RunLog, read_run_log
from evaluation.metrics.curve import Axes, Curve, OperatingPoint
from evaluation.metrics.nose import common_bounds, nose
from evaluation.metrics.nose_intervals import safe_bounds
from evaluation.metrics.quality_statistics import quality_statistics
from evaluation.sweeps.statistics import PointStatistics, SweepStatistics, nose_scores
from tests.evaluation.run_logs import write_run

SETTINGS = ((400, 0.5), (800, 0.3), (1200, 0.1))
AXES = Axes("BLEU", "AL", "ms")


@pytest.fixture
def systems(tmp_path) -> list[list[RunLog]]:
    """Two systems at three settings each, and the offline run as the last log of each."""
    systems = []
    for name, more in (("a", 0), ("b", 50)):
        runs = [
            write_run(tmp_path / name / str(lag), lag + more, errors, seed=lag + more)
            for lag, errors in SETTINGS
        ]
        systems.append([read_run_log(run) for run in (*runs, write_run(tmp_path / "offline", 4000, 0.02))])
    return systems


def statistics(log: RunLog):
    return quality_statistics(
        "BLEU", [one.prediction for one in log.utterances], [one.reference for one in log.utterances]
    )


def sweep(logs: list[RunLog]) -> SweepStatistics:
    points = [PointStatistics(log.path.parent.name, log.latency("AL"), statistics(log)) for log in logs[:-1]]
    return SweepStatistics("mine", points, statistics(logs[-1]), AXES, "greedy")


def curve_of(logs: list[RunLog], drawn: np.ndarray) -> Curve:
    def bleu(log: RunLog) -> float:
        predictions = [log.utterances[at].prediction for at in drawn]
        references = [log.utterances[at].reference for at in drawn]
        return BLEU().corpus_score(predictions, [references]).score

    points = tuple(OperatingPoint(log.latency("AL")[drawn].mean(), bleu(log)) for log in logs[:-1])
    return Curve("mine", points, bleu(logs[-1]), AXES)


@pytest.mark.parametrize("bounds", [None, (300.0, 700.0)])
def test_each_resample_is_a_curve_of_its_own(systems, bounds):
    drawn = np.random.default_rng(0).integers(0, 40, size=(15, 40))
    weights = np.stack([np.bincount(row, minlength=40) for row in drawn]).astype(float)
    scores = nose_scores([sweep(logs) for logs in systems], weights, bounds)
    for row, (*both, low, high) in zip(drawn, scores, strict=True):
        curves = [curve_of(logs, row) for logs in systems]
        expected = [nose(curve, bounds or common_bounds(curves)).score for curve in curves]
        assert both == pytest.approx(expected, rel=1e-9)
        assert (low, high) == pytest.approx(common_bounds(curves), rel=1e-12)


def test_resamples_that_do_not_reach_the_bounds_have_no_score(systems):
    curves = [sweep(logs).curve() for logs in systems]
    low, high = common_bounds(curves)
    weights = np.random.default_rng(0).multinomial(40, [1 / 40] * 40, size=200).astype(float)
    missing = np.isnan(nose_scores([sweep(logs) for logs in systems], weights, (low, high - 100)))
    assert 0 < missing[:, 0].sum() < 200
    assert np.array_equal(missing[:, 0], missing[:, 1])


def test_a_resample_in_which_a_point_has_no_latency_has_no_score(systems):
    sweeps = [sweep(logs) for logs in systems]
    latency = np.full(40, np.nan)
    latency[:20] = sweeps[0].points[2].latency[:20]
    sweeps[0].points[2] = replace(sweeps[0].points[2], latency=latency)
    weights = np.stack([np.repeat([1.0, 0.0], 20), np.repeat([0.0, 1.0], 20)])
    scores = nose_scores(sweeps, weights)
    assert np.isfinite(scores[0]).all() and np.isnan(scores[1]).all()
    low, high = scores[0, 2:]
    assert np.isnan(nose_scores(sweeps, weights, (low + 10, high - 10))[1, :2]).all()


def test_no_bounds_are_safe_where_points_often_have_no_latency():
    reach = np.tile([1.0, 2.0], (1000, 1))
    reach[:5] = np.nan
    assert safe_bounds(reach) == (1.0, 2.0)
    reach[:50] = np.nan
    assert safe_bounds(reach) is None


def test_curve_of_the_whole_set_is_that_of_the_runs(systems):
    whole = curve_of(systems[0], np.arange(40))
    ours = sweep(systems[0]).curve()
    assert [point.quality for point in ours.points] == [point.quality for point in whole.points]
    assert ours.offline == whole.offline
    assert ours.points[0].setting == "400"
