"""What a long command says about how far it is."""

import time

import pytest

from foundation import progress
from foundation.progress import Progress, duration


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_line_estimates_the_time_left_by_what_this_process_has_done(clock):
    with Progress(1000, "clip", "read", done=600) as shown:
        assert shown.line() == "read: 600 of 1000 clips"
        clock[0] += 60
        shown.add(100)
        assert shown.line() == "read: 700 of 1000 clips, about 3 min left"
        shown.add(300)
        assert shown.line() == "read: 1000 of 1000 clips"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (40, "40 s"), (200, "3 min"), (9000, "2.5 h"), (90_000, "25.0 h")]
)
def test_durations_are_in_the_unit_that_a_reader_would_take(seconds, text):
    assert duration(seconds) == text


def test_a_file_gets_a_line_now_and_then_and_none_of_short_work(monkeypatch, capsys):
    with Progress(3, "run"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "INTERVAL_S", 0.05)
    with Progress(3, "run", measure=lambda: 2):
        time.sleep(0.3)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 2 and lines[0].startswith("2 of 3 runs, about ")


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    with Progress(4, "clip", done=1) as shown:
        shown.add(2)
    with Progress(4, "clip", measure=lambda: 4):
        pass
    said = capsys.readouterr().err
    assert "3/4" in said and "4/4" in said
