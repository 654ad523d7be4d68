"""The audio of short utterances, and audio that cannot be found or played."""

import json
import shutil

import pytest

from evaluation.report.report import write_report
from tests.evaluation.made_up_recording import write_recording
from tests.evaluation.made_up_sweep import write_sweep

AUDIO = "document.querySelector('audio')"


@pytest.fixture
def heard(tmp_path):
    """A sweep whose utterances are all of one file, of 4 s as they are."""
    audio = write_recording(tmp_path / "audio.wav", 4)
    folder = write_sweep(tmp_path / "sweep", sentences=3)
    for log in folder.glob("runs/*/*/instances.log"):
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        log.write_text("".join(json.dumps(line | {"source": [str(audio)]}) + "\n" for line in lines))
    return folder


def note(report):
    return report.text(".player .notice")


def test_a_short_utterance_plays_to_its_end(show, heard):
    report = show(write_report(heard))
    page = report.page
    report.until(f"{AUDIO}.readyState > 0")
    assert not page.locator(".player .notice").is_visible()
    assert page.locator(".strip, .windowed").count() == 0
    page.evaluate(f"{AUDIO}.currentTime = 1.2")
    report.until("document.querySelector('.readout h4')?.textContent === '1.20 s'")
    assert page.locator(".text:first-child .later").count() > 0
    page.locator(".plots").press("Space")
    report.until(f"{AUDIO}.ended")
    page.wait_for_selector("#detail:not(.running)")
    assert page.locator(".text .later").count() == 0
    # Another utterance is silent until it is asked for.
    page.click("#list a:has(.item-number:text-is('1'))")
    page.wait_for_selector("#detail h3:has-text('Utterance 1')")
    assert page.evaluate(f"{AUDIO}.paused && {AUDIO}.currentTime === 0")


def test_audio_that_was_not_there_is_named_and_can_be_chosen(show, heard, tmp_path):
    audio = (tmp_path / "audio.wav").rename(tmp_path / "elsewhere.wav")
    report = show(write_report(heard))
    assert report.media == []
    assert note(report) == (
        "audio.wav was not there when this page was written: to hear it, choose the file."
    )
    report.page.set_input_files(".player input", audio)
    report.until(f"{AUDIO}.readyState > 0")
    assert not report.page.locator(".player .notice").is_visible()
    report.page.locator(".plots").press("ArrowRight")
    report.until(f"{AUDIO}.currentTime > 0")


def test_audio_that_is_gone_is_named_and_the_page_goes_on(show, heard, tmp_path):
    page = write_report(heard)
    (tmp_path / "audio.wav").unlink()
    report = show(page)
    report.page.wait_for_selector(".player .notice")
    assert note(report) == (
        "This browser cannot find or play ../audio.wav: put it back beside this page, or choose it."
    )
    assert report.page.locator("#detail .steps").count() == 2
    assert [problem for problem in report.problems if "ERR_FILE_NOT_FOUND" not in problem] == []
    report.problems.clear()


def test_audio_that_no_browser_plays_is_named(show, heard, tmp_path):
    (tmp_path / "audio.wav").write_text("no audio")
    report = show(write_report(heard))
    report.page.wait_for_selector(".player .notice")
    assert note(report).startswith("This browser cannot find or play ../audio.wav")
    report.page.set_input_files(".player input", tmp_path / "audio.wav")
    report.page.wait_for_selector(".player .notice:has-text('as WAV, FLAC or MP3')")
    assert note(report) == "This browser cannot play audio.wav: choose the recording as WAV, FLAC or MP3."


def test_another_recording_is_noticed_by_its_length(show, heard, tmp_path):
    write_recording(tmp_path / "audio.wav", 9)
    report = show(write_report(heard))
    report.page.wait_for_selector(".player .notice")
    assert note(report) == (
        "audio.wav lasts 0:09.0, but the recording 0:04.0: it is another file, and words would appear at "
        "wrong times."
    )


def test_runs_whose_logs_do_not_fit_say_so_and_the_others_are_shown(show, heard):
    shutil.copy(heard / "runs/waitk/k=5/chunks.jsonl", heard / "runs/waitk/k=3/chunks.jsonl")
    (heard / "runs/reina/threshold=0.0/chunks.jsonl").unlink()
    report = show(write_report(heard))
    assert report.texts("#detail > .notice") == [
        "reina threshold=0.0: no chunks.jsonl, so that words have their times, but no decision to wait is "
        "known.",
        "waitk k=3: chunks.jsonl is left out, for it wrote another text than instances.log; the two are not "
        "of one run.",
    ]
    assert report.page.locator("#detail .steps").count() == 2
