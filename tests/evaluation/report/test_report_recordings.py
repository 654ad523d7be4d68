"""What a run decided about a recording, and what is left out where its logs do not agree."""

import json

import pytest

from evaluation.logs.run_log import read_run_log
from evaluation.report.recordings import recording_of_run
from evaluation.report.segments import AlignedSegment, SegmentsOfRun
from foundation.errors import InputError
from tests.evaluation.run_logs import line, write_log

CHUNKS = [[1000.0, " a"], [1500.0, " man"], [2000.0, " walks"], [2500.0, ""], [3000.0, " home"]]
SEGMENTS = [
    AlignedSegment(0, 1400, "a man is", "a man", 1.5),
    AlignedSegment(1400, 1000, "walking", "", None),
    AlignedSegment(2500, 500, "home", "walks home", 0.25),
]


def recording(folder, chunks, segments=(), **changes):
    path = write_log(folder, [line(0, **changes)])
    if chunks is not None:
        rows = [{"arrival_ms": at, "compute_ms": 5.0, "text": text} for at, text in chunks]
        (path / "chunks.jsonl").write_text(json.dumps({"index": 0, "chunks": rows}) + "\n")
    log = read_run_log(path)
    return recording_of_run(log, log.utterances[0], SegmentsOfRun({0: segments}, "LAAL (s)"))


def test_logs_that_agree_are_shown_as_they_are(tmp_path):
    found = recording(tmp_path, CHUNKS, SEGMENTS)
    assert [[chunk.arrival_ms, chunk.text] for chunk in found.chunks] == CHUNKS
    assert (found.segments, found.metric, found.notes) == (SEGMENTS, "LAAL (s)", ())


def test_without_a_log_of_chunks_those_that_wrote_are_known(tmp_path):
    found = recording(tmp_path, None, delays=[1000.0, 1000.0, 2000.0, 3000.0])
    assert [(chunk.arrival_ms, chunk.compute_ms, chunk.text) for chunk in found.chunks] == [
        (1000.0, None, " a man"),
        (2000.0, None, " walks"),
        (3000.0, None, " home"),
    ]
    [note] = found.notes
    assert note == "no chunks.jsonl, so that words have their times, but no decision to wait is known"


@pytest.mark.parametrize(
    "chunks, problem",
    [
        ([[1000.0, " a man walks away"]], "wrote another text than instances.log"),
        ([], "wrote another text than instances.log"),
        ([*CHUNKS[:4], [2900.0, " home"]], "wrote its words at other times than instances.log"),
        ([CHUNKS[1], CHUNKS[0], *CHUNKS[2:]], "is not in the order of time"),
    ],
)
def test_chunks_of_another_run_are_left_out_with_a_sentence(tmp_path, chunks, problem):
    found = recording(tmp_path, chunks)
    assert [chunk.arrival_ms for chunk in found.chunks] == [1000.0, 1500.0, 2000.0, 3000.0]
    assert found.notes == (f"chunks.jsonl is left out, for it {problem}; the two are not of one run",)


@pytest.mark.parametrize(
    "segments, problem",
    [
        (SEGMENTS[:2], "hold another text than instances.log"),
        ([SEGMENTS[1], SEGMENTS[0], SEGMENTS[2]], "are not in the order of time"),
        ([*SEGMENTS, AlignedSegment(3000, 100, "", "")], "go on at 3.0 s, where the recording has ended"),
    ],
)
def test_segments_that_do_not_fit_are_left_out_with_a_sentence(tmp_path, segments, problem):
    found = recording(tmp_path, CHUNKS, segments)
    assert found.segments == ()
    assert found.notes == (f"segments are left out, for they {problem}",)


def test_characters_are_compared_where_they_are_counted(tmp_path):
    chunks = [[500.0, "我"], [900.0, "爱你"]]
    delays = [500.0, 900.0, 900.0]
    segments = [AlignedSegment(0, 1000, "我爱", "我爱"), AlignedSegment(1000, 900, "你们", "你")]
    text = {"prediction": "我爱你", "reference": "我爱你们", "delays": delays, "elapsed": delays}
    found = recording(tmp_path, chunks, segments, **text)
    assert (len(found.chunks), len(found.segments), found.notes) == (2, 2, ())


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"offset_ms": -1.0}, "a segment at -1.0 ms has offset_ms -1.0"),
        ({"offset_ms": float("nan")}, "has offset_ms nan"),
        ({"duration_ms": 0.0}, "a segment at 5.0 ms has duration_ms 0.0"),
        ({"duration_ms": float("inf")}, "has duration_ms inf"),
        ({"score": float("nan")}, "has score nan"),
    ],
)
def test_numbers_that_no_segment_has_are_refused(changes, said):
    fields = {"offset_ms": 5.0, "duration_ms": 10.0, "reference": "a", "hypothesis": "a"}
    with pytest.raises(InputError, match=said):
        AlignedSegment(**{**fields, **changes})
