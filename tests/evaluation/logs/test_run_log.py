"""Reading instances.log: what good logs give, and one clear message for each bad one."""

import json
import math
import re

import numpy as np
import pytest
from omnisteval.io import load_shortform_instances
from omnisteval.scoring import LAALScorer, YAALScorer

from evaluation.logs.run_log import FIELDS, check_same_test_set, read_run_log
from foundation.errors import InputError
from tests.evaluation.run_logs import line, write_log, write_run


def test_rows_are_typed_and_ordered_by_index(tmp_path):
    write_log(tmp_path, [line(7), line(2, delays=[1, 1, 2, 3])])
    log = read_run_log(tmp_path)
    assert [one.index for one in log.utterances] == [2, 7]
    assert log.utterances[0].delays == (1.0, 1.0, 2.0, 3.0)
    assert log.utterances[1].source_ms == 3000.0
    assert log.unit == "word"
    assert read_run_log(tmp_path / "instances.log") == log


def test_characters_are_recognised_and_counted(tmp_path):
    delays = [500.0, 500.0, 900.0]
    write_log(tmp_path, [line(prediction="我爱你", reference="我爱", delays=delays, elapsed=delays)])
    log = read_run_log(tmp_path)
    assert log.unit == "char"
    assert log.utterances[0].reference_units("char") == 2


def test_latency_of_silence_is_undefined(tmp_path):
    write_log(tmp_path, [line(0), line(1, prediction="", delays=[], elapsed=[])])
    values = read_run_log(tmp_path).latency("AL")
    assert values[0] == 975.0
    assert math.isnan(values[1])


def test_latency_with_computation_takes_simulevals_clock(tmp_path):
    write_log(tmp_path, [line()])
    # Slope 600, up to the first word after 3000 ms: 1100, 1700 - 600, 2300 - 1200, 3400 - 1800.
    assert read_run_log(tmp_path).latency("AL_CA").tolist() == [1225.0]


def test_unknown_metric_is_refused(tmp_path):
    write_log(tmp_path, [line()])
    with pytest.raises(InputError, match="there is no latency metric 'ALL': give AL, LAAL"):
        read_run_log(tmp_path).latency("ALL")


def test_separators_within_a_string_do_not_end_a_line(tmp_path):
    fields = line(prediction="a\u2028b c d e")
    (tmp_path / "instances.log").write_text(json.dumps(fields, ensure_ascii=False) + "\n", encoding="utf-8")
    assert read_run_log(tmp_path).utterances[0].prediction == "a\u2028b c d e"


def test_omnisteval_reads_the_same_log_to_the_same_latency(tmp_path):
    log = read_run_log(write_run(tmp_path, lag_ms=700, errors=0.2))
    instances = load_shortform_instances(str(log.path), None, "delays", "elapsed")
    assert np.nanmean(log.latency("LAAL")) == pytest.approx(LAALScorer()(instances), rel=1e-12)
    assert np.nanmean(log.latency("YAAL")) == pytest.approx(YAALScorer()(instances), rel=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "instances.log is empty"),
        (json.dumps(line()) + "\n" + json.dumps(line(1))[:50], "line 2 is no JSON, or cut in the middle"),
        (json.dumps(line()) + json.dumps(line(1)) + "\n", "line 1 is no JSON, or cut in the middle"),
        (json.dumps(line()) + "\n\n" + json.dumps(line(1)), "line 2 is no JSON"),
        ("[1]\n", "line 1 holds no JSON object"),
        (json.dumps(line()) + "\n" + json.dumps(line()), "line 2: index 0 has occurred before"),
        (json.dumps({**line(), "delays": [1, 2, math.nan, 3]}), "line 1: delays must be finite numbers"),
        (json.dumps({**line(), "elapsed": [1, 2, math.inf, 3]}), "line 1: elapsed must be finite numbers"),
        (json.dumps({**line(), "delays": [1, 2, "3", 3]}), "finite numbers of ms from 0, got '3'"),
        (json.dumps({**line(), "delays": [-1, 2, 3, 3]}), "from 0, got -1"),
        (json.dumps({**line(), "delays": [1, 2, 3]}), "line 1 has 3 delays but 4 elapsed"),
        (json.dumps({**line(), "source_length": math.nan}), "line 1: source_length must be finite"),
        (json.dumps({**line(), "source_length": 0}), "line 1: source_length must be above 0 ms"),
        (json.dumps({**line(), "prediction": None}), "line 1: prediction must not be None"),
        (json.dumps({**line(), "index": True}), "line 1: index must not be True"),
        (json.dumps({**line(), "index": 1.5}), "line 1: index must not be 1.5"),
        (json.dumps({**line(), "index": -1}), "line 1: index must not be -1"),
        (json.dumps({**line(), "delays": [1, 2, 3, 10**400]}), "line 1: delays must be finite numbers"),
        # A sum of such times overflows, and an infinite latency would be left out of means in silence.
        (json.dumps({**line(), "delays": [1, 2, 3, 1e308]}), "line 1: delays must be finite numbers"),
        (json.dumps({**line(), "prediction": "\ud800"}), "line 1 holds half a character"),
        ("[" * 5000, "line 1 is no JSON, or cut in the middle"),
        *(
            (json.dumps({key: line()[key] for key in FIELDS if key != name}), f"line 1: {name} is missing")
            for name in FIELDS
        ),
    ],
)
def test_bad_log_gets_one_message_with_file_and_line(tmp_path, text, message):
    (tmp_path / "instances.log").write_text(text)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_run_log(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "instances.log"))
    assert "\n" not in str(caught.value)


def test_missing_and_binary_logs_are_named(tmp_path):
    with pytest.raises(InputError, match="instances.log does not exist"):
        read_run_log(tmp_path)
    (tmp_path / "instances.log").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="instances.log line 1 is no UTF-8 text .byte 1."):
        read_run_log(tmp_path)


def test_delays_of_neither_words_nor_characters_are_refused(tmp_path):
    write_log(tmp_path, [line(), line(1, prediction="a man")])
    with pytest.raises(InputError, match="index 1 has 4 delays for 2 words and 5 characters"):
        read_run_log(tmp_path).latency("AL")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([line(0)], "different test sets: index 1 is in one of them only (2 and 1 utterances)"),
        ([line(0), line(1, reference="other")], "reference of index 1 is 'a man is walking home'"),
        ([line(0), line(1, source_length=3001)], "source_ms of index 1 is 3000.0 and 3001.0"),
        (
            [line(index, prediction="abcd", source=["x.wav"]) for index in (0, 1)],
            "counts latency in units of a word",
        ),
    ],
)
def test_logs_of_different_test_sets_are_refused(tmp_path, lines, message):
    first = read_run_log(write_log(tmp_path / "a", [line(0), line(1)]))
    second = read_run_log(write_log(tmp_path / "b", lines))
    with pytest.raises(InputError, match=re.escape(message)):
        check_same_test_set([first, second])


def test_logs_of_one_test_set_may_differ_in_order_and_paths(tmp_path):
    first = read_run_log(write_log(tmp_path / "a", [line(0), line(1)]))
    lines = [line(1, source=["moved.wav"]), line(0, prediction="a b c d")]
    second = read_run_log(write_log(tmp_path / "b", lines))
    check_same_test_set([first, second])
