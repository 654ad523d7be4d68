"""Regimes and pairs of the shared task, and what is said about a run's latency and languages."""

import math
from pathlib import Path

import pytest

from evaluation.configuration.evaluation_file import configure
from evaluation.metrics.scores import Scores
from models.languages import LanguagePair
from serve.submission.track import is_of_the_track, regime_of
from serve.submission.track_checks import check_languages, check_regime, check_segments

RUN = Path("out/en-de")


@pytest.mark.parametrize(
    "latency_s, regime",
    [(0.0, "low"), (1.99, "low"), (2.0, "low"), (2.01, "high"), (4.0, "high")],
)
def test_a_latency_lies_in_one_regime(latency_s, regime):
    assert regime_of(latency_s).name == regime


@pytest.mark.parametrize("latency_s", [-0.01, 4.01, math.nan, math.inf])
def test_a_latency_beyond_is_in_no_regime(latency_s):
    assert regime_of(latency_s) is None


@pytest.mark.parametrize(
    "source, target, is_one",
    [
        ("en", "de", True),
        ("English", "zh_CN", True),
        ("ces", "eng", True),
        ("en", "fr", False),
        ("de", "en", False),
    ],
)
def test_pairs_are_known_by_all_their_names(source, target, is_one):
    assert is_of_the_track(LanguagePair(source, target)) is is_one


def told(wanted=None, computation_ms=0.0, **values):
    scores = Scores({"LongYAAL_TC": computation_ms, **values}, {})
    return [(item.state, item.text) for item in check_regime("en-de", scores, RUN, wanted)]


def test_the_regime_that_is_hit_is_named():
    assert told(LongYAAL=1500.0) == [
        ("done", "LongYAAL 1.50 s is of the regime of low latency, 0 to 2 s of LongYAAL")
    ]
    assert told("high", LongYAAL=2500.0) == [
        ("done", "LongYAAL 2.50 s is of the regime of high latency, 2 to 4 s of LongYAAL")
    ]


def test_a_regime_that_is_missed_names_the_command_that_finds_the_setting():
    calibration = (
        "find the setting by: simulst calibrate out/en-de/evaluation.yaml --latency LongYAAL --target"
    )
    assert told("low", LongYAAL=2500.0) == [
        (
            "missing",
            "LongYAAL 2.50 s is of the regime of high latency, 2 to 4 s of LongYAAL, "
            f"not of low latency, 0 to 2 s of LongYAAL; {calibration} 1.9",
        )
    ]
    too_late = (
        f"LongYAAL 5.00 s is in no regime, not of high latency, 2 to 4 s of LongYAAL; {calibration} 3.8"
    )
    assert told(LongYAAL=5000.0) == [("missing", too_late)]
    [(state, text)] = told(LongYAAL=-100.0)
    assert state == "missing" and text.endswith("--target 1.9")


def test_latency_that_nobody_can_tell_is_missing():
    [(state, text)] = told(LongYAAL=math.nan)
    assert state == "missing" and "nothing was written in time" in text


def test_computation_that_takes_long_is_a_note():
    [_, (state, text)] = told(LongYAAL=1500.0, computation_ms=2100.0)
    assert state == "note"
    assert text == "with computation it is 2.10 s on this machine (LongYAAL_TC), which does not count"


def test_another_pair_is_a_note():
    def state(**languages):
        files = {"source": "s.txt", "target": "t.txt"}
        return check_languages("x", configure({"agent": "waitk", **files, **languages}, "test")).state

    assert state(source_language="en", target_language="it") == "done"
    assert state(source_language="en", target_language="fr") == "note"


def test_segments_without_words_are_a_note():
    assert check_segments("x", Scores({"EMPTY": 0, "SENTENCES": 5}, {})) == []
    [item] = check_segments("x", Scores({"EMPTY": 2, "SENTENCES": 5}, {}))
    assert (item.state, item.text) == ("note", "2 of 5 got no words")
