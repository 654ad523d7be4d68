"""A cache gives the frames that were stored; a damaged one is refused with its file, line and cure."""

import json

import numpy as np
import pytest

from foundation.errors import InputError
from train.data.encoder_cache import EncoderCache

ABOUT = {"width": 2, "frame_ms": 20.0, "seed": 0}
INDEX = (
    "id\tversion\theard_samples\tsamples\toffset\tframes",
    "a\t0\t640\t640\t0\t2",
    "a\t1\t320\t640\t2\t1",
    "b\t0\t320\t320\t3\t1",
)


@pytest.fixture
def cache(tmp_path):
    (tmp_path / "cache.json").write_text(json.dumps(ABOUT))
    (tmp_path / "index.tsv").write_text("\n".join(INDEX) + "\n")
    np.arange(8, dtype="<f2").tofile(tmp_path / "frames.f16")
    return tmp_path


def test_versions_are_read_from_where_the_index_says(cache):
    stored = EncoderCache(cache)
    assert [stored["a"].frames_of(version).tolist() for version in (0, 1)] == [[[0, 1], [2, 3]], [[4, 5]]]
    assert stored["b"].frames_of(0).tolist() == [[6, 7]]
    assert [version.heard_samples for version in stored["a"].versions] == [640, 320]
    assert "a" in stored and "c" not in stored


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a\t1\t320\t640\t2", "index.tsv, line 3: it must have an id and five whole numbers"),
        ("a\t1\t320\t640\t2\tone", "index.tsv, line 3: it must have an id and five whole numbers"),
        ("a\t1\t320\t640\t-2\t1", "index.tsv, line 3: it must have an id and five whole numbers"),
        ("a\t1\t320\t640\t" + "9" * 5000 + "\t1", "index.tsv, line 3: it must have an id"),
        ("a\t2\t320\t640\t2\t1", "line 3: version 1 of 'a' must be here, from frame 2 on, found version 2"),
        ("a\t1\t320\t640\t1\t1", "from frame 2 on, found version 1 from 1"),
        ("c\t1\t320\t640\t2\t1", "line 3: version 0 of 'c' must be here"),
        ("a\t1\t320\t640\t2\t0", "line 3: 320 of 640 samples cannot be heard in 0 frames"),
        ("a\t1\t641\t640\t2\t1", "line 3: 641 of 640 samples cannot be heard in 1 frames"),
        ("a\t1\t320\t640\t2\t2", "line 4: version 0 of 'b' must be here, from frame 4 on"),
        ("", "line 3: it must have an id and five whole numbers"),
    ],
)
def test_a_damaged_line_of_the_index_is_named(cache, line, message):
    lines = [*INDEX[:2], line, *INDEX[3:]]
    (cache / "index.tsv").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError) as error:
        EncoderCache(cache)
    assert message in str(error.value)
    assert str(error.value).endswith(": make the cache again with `train.prepare encode`")


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (b"", "cache.json is not JSON that can be read"),
        (b'{"width": 2', "cache.json is not JSON that can be read"),
        (b"[" * 50_000, "cache.json is not JSON that can be read (RecursionError)"),
        (b"\xff", "cache.json is not UTF-8"),
        (b"[2]", "cache.json must hold a JSON object, found list"),
        (b"{}", "cache.json: width must be a whole number from 1 to 1048576, got None"),
        (b'{"width": true}', "width must be a whole number from 1 to 1048576, got True"),
        (b'{"width": 0}', "width must be a whole number from 1 to 1048576, got 0"),
        (b'{"width": 2, "frame_ms": NaN}', "frame_ms must be above 0 and at most 10000, got nan"),
        (b'{"width": 2, "frame_ms": "20"}', "frame_ms must be above 0 and at most 10000, got 20"),
    ],
    ids=range(10),
)
def test_a_damaged_description_is_refused(cache, about, message):
    (cache / "cache.json").write_bytes(about)
    with pytest.raises(InputError) as error:
        EncoderCache(cache)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (6, "frames.f16 is cut off: 3 frames of width 2, not 4"),
        (7, "frames.f16 is cut off: 3 frames of width 2 and a part of one, not 4"),
        (9, "frames.f16 holds more than its index says: 4 frames of width 2 and a part of one, not 4"),
        (12, "frames.f16 holds more than its index says: 6 frames of width 2, not 4"),
    ],
)
def test_frames_that_the_index_does_not_fit_are_refused(cache, values, message):
    np.arange(values, dtype="<f2").tofile(cache / "frames.f16")
    with pytest.raises(InputError) as error:
        EncoderCache(cache)
    assert message in str(error.value)


def test_an_index_without_clips_is_refused(cache):
    (cache / "index.tsv").write_text(INDEX[0] + "\n")
    with pytest.raises(InputError, match="index.tsv lists no clips"):
        EncoderCache(cache)
    (cache / "index.tsv").write_text("")
    with pytest.raises(InputError, match="index.tsv must have the columns id, version"):
        EncoderCache(cache)
