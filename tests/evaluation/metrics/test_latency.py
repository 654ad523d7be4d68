"""Latency metrics by hand, and against SimulEval and OmniSTEval on the same delays."""

import json
import math

import pytest
from omnisteval import scoring as omnisteval
from omnisteval.data import Instance
from simuleval.evaluator.instance import LogInstance
from simuleval.evaluator.scorers.latency_scorer import LATENCY_SCORERS_DICT

from evaluation.metrics.latency import LATENCY_METRICS, column_of, in_unit, unit_of
from tests.evaluation.run_logs import line

# Delays in ms, source in ms, reference words.
CASES = {
    "early": ([500, 1000, 1500, 2000], 3000, 4),
    "to the end": ([1000, 1500, 2000, 3000], 3000, 5),
    "longer than the reference": ([400, 400, 800, 1200, 1600, 2000, 2000, 2000], 2000, 3),
    "all at the end": ([2500, 2500, 2500], 2500, 3),
    "one word": ([700], 1000, 1),
    "later than the source": ([2100, 2300], 2000, 2),
    "uneven": ([333.3, 333.3, 1234.5, 1700.1, 2999.9, 3000.1], 3000, 7),
}


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        # Slope 3000 / 5 = 600: (1000 - 0) + (1500 - 600) + (2000 - 1200) + (3000 - 1800), over 4.
        ("AL", (1000 + 900 + 800 + 1200) / 4),
        ("LAAL", (1000 + 900 + 800 + 1200) / 4),
        ("AP", 7500 / (3000 * 5)),
        # Slope 3000 / 4 = 750: g = 1000, 1750, 2500, 3250.
        ("DAL", 1000),
        # The last word had heard everything.
        ("YAAL", (1000 + 900 + 800) / 3),
    ],
)
def test_metrics_by_hand(metric, value):
    assert LATENCY_METRICS[metric](*CASES["to the end"]) == pytest.approx(value)


def test_writing_more_than_the_reference_lowers_al_but_not_laal():
    delays, source_ms, reference = CASES["longer than the reference"]
    # Slopes 2000 / 3 and 2000 / 8, up to the first word at the source's end, which is the sixth.
    assert LATENCY_METRICS["AL"](delays, source_ms, reference) == pytest.approx((6400 - 15 * 2000 / 3) / 6)
    assert LATENCY_METRICS["LAAL"](delays, source_ms, reference) == pytest.approx((6400 - 15 * 250) / 6)


def test_yaal_is_undefined_when_everything_comes_at_the_end():
    assert math.isnan(LATENCY_METRICS["YAAL"](*CASES["all at the end"]))


@pytest.mark.parametrize("metric", ["AL", "LAAL", "AP", "DAL"])
@pytest.mark.parametrize("case", CASES)
def test_equal_to_simuleval(metric, case):
    delays, source_ms, reference = CASES[case]
    fields = line(delays=delays, source_length=source_ms, reference=" ".join("w" * reference))
    theirs = LATENCY_SCORERS_DICT[metric]()({0: LogInstance(json.dumps(fields))})
    assert LATENCY_METRICS[metric](delays, source_ms, reference) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("metric", LATENCY_METRICS)
@pytest.mark.parametrize("case", CASES)
def test_equal_to_omnisteval(metric, case):
    delays, source_ms, reference = CASES[case]
    instance = Instance(
        reference=" ".join("w" * reference), source_length=source_ms, emission_cu=delays, longform=False
    )
    theirs = getattr(omnisteval, f"{metric}Scorer")()([instance])
    ours = LATENCY_METRICS[metric](delays, source_ms, reference)
    assert ours == pytest.approx(theirs, rel=1e-12, nan_ok=True)


def test_people_read_seconds_but_proportions_and_counts_as_they_are():
    assert (in_unit("AL", 1500.0), in_unit("LAAL_TC", 250.0), in_unit("ATD", 10.0)) == (1.5, 0.25, 0.01)
    assert (in_unit("AP", 0.75), in_unit("AP_CA", 0.75), in_unit("NumChunks", 7)) == (0.75, 0.75, 7)
    assert [column_of(name) for name in ("AL_CA", "AP", "RTF", "NoSE")] == ["AL_CA_s", "AP", "RTF", "NoSE"]
    assert (unit_of("DAL"), unit_of("AP")) == ("s", "")
