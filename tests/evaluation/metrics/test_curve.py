"""Curves and their files: what they keep, and one clear message for each bad one."""

import math
import re

import pytest

from evaluation.metrics.curve import Axes, Curve, OperatingPoint, read_points
from foundation.errors import InputError


def curve(*points: tuple[float, float], offline: float | None = 30.0) -> Curve:
    return Curve("mine", tuple(OperatingPoint(*point) for point in points), offline)


def test_points_are_ordered_by_latency():
    assert curve((2, 20), (1, 10)).range == (1, 2)


def test_settings_that_come_to_the_same_are_one_point():
    points = (OperatingPoint(2, 20, "k=9"), OperatingPoint(1, 10, "k=1"), OperatingPoint(2, 20, "k=12"))
    assert [point.setting for point in Curve("mine", points, 30.0).points] == ["k=1", "k=9"]


def test_file_of_points(tmp_path):
    file = tmp_path / "points.tsv"
    file.write_text("\ufeffsetting\tother\tquality\tlatency\r\nk=3\tx\t20.5\t1.5\r\n\r\nk=5\ty\t21\t2\r\n")
    first, second = read_points(file)
    assert first == OperatingPoint(1.5, 20.5, "k=3", str(file))
    assert (second.latency, second.quality, second.setting) == (2.0, 21.0, "k=5")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: curve((1, 10)), "a curve needs at least 2 points, mine has 1"),
        (lambda: curve(), "a curve needs at least 2 points, mine has 0"),
        (lambda: curve((1, 10), (2, 20), (1, 30)), "mine has two points at latency 1 (10 and 30): keep one"),
        (lambda: curve((1, math.nan), (2, 20)), "quality of a point must be finite, got nan"),
        (lambda: OperatingPoint(math.inf, 2, "k=3"), "latency of point k=3 must be finite, got inf"),
        (lambda: OperatingPoint(1, 1e10, "k=3"), "quality of point k=3 must be at most 1e+09, got 1e+10"),
        (lambda: curve((1, 10), (2, 20), offline=None), "mine has no offline quality"),
        (lambda: curve((1, 10), (2, 20), offline=0), "of mine must be a number above 0, got 0"),
        (lambda: curve((1, 10), (2, 20), offline=math.nan), "must be a number above 0, got nan"),
    ],
)
def test_bad_curve_gets_one_clear_message(make, message):
    with pytest.raises(InputError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1 must name a column 'latency' once, found nothing"),
        ("latency\tbleu\n1\t2\n", "line 1 must name a column 'quality' once, found latency, bleu"),
        ("latency\tquality\tlatency\n", "line 1 must name a column 'latency' once"),
        ("latency\tquality\n1\t2\n3\n", "line 3 has 1 columns, its header has 2"),
        ("latency\tquality\n1\t2\n\n1,5\t2\n", "line 4: latency must be a number, got '1,5'"),
        ("latency\tquality\n1_5\t2\n", "line 2: latency must be a number, got '1_5'"),
        ("latency\tquality\n1\t2\tbig\n", "line 2 has 3 columns, its header has 2"),
        # Python's csv takes no longer field.
        ("latency\tquality\n1\t" + "9" * 140_000 + "\n", "line 2 is no row of a table (field larger than"),
        ("latency\tquality\tsetting\nnan\t2\tk=1\n", "line 2: latency of point k=1 must be finite, got nan"),
    ],
)
def test_bad_file_gets_one_message_with_file_and_line(tmp_path, text, message):
    file = tmp_path / "points.tsv"
    file.write_text(text)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_points(file)
    assert str(caught.value).startswith(str(file))


def test_missing_and_binary_files_are_named(tmp_path):
    with pytest.raises(InputError, match="none.tsv does not exist"):
        read_points(tmp_path / "none.tsv")
    (tmp_path / "points.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="points.tsv line 1 is no UTF-8 text"):
        read_points(tmp_path / "points.tsv")
    with pytest.raises(InputError, match="cannot be read .Is a directory"):
        read_points(tmp_path)


def test_axes_say_the_unit_where_there_is_one():
    assert str(Axes("BLEU", "AL", "s")) == "BLEU over AL (s)"
    assert str(Axes("BLEU", "AP", "")) == "BLEU over AP"
    assert Axes("BLEU", "AL", "s").bound_columns(1.0, 2.0) == {"from_s": 1.0, "to_s": 2.0}
    assert Axes("BLEU", "AP", "").bound_columns(0.5, 0.8) == {"from_AP": 0.5, "to_AP": 0.8}
