"""The page of a sweep, as its readers see it in a browser: curves, tables, and unusual sweeps."""

import json
import re
import shutil
from pathlib import Path

import pytest

from evaluation.metrics.nose import common_bounds, nose
from evaluation.report.report import write_report
from evaluation.sweeps.finished_sweep import read_sweep
from foundation.errors import InputError
from tests.evaluation.made_up_sweep import log_of, write_chunks, write_sweep
from tests.evaluation.run_logs import line, write_log


def packets(report: Path) -> list[str]:
    """The utterances in a page, as they are packed."""
    data = re.search(r'<script type="application/json" id="data">(.*)</script>', report.read_text())
    return json.loads(data.group(1))["pairs"][0]["packets"]


def test_the_page_says_what_was_swept(report):
    assert report.text("h1") == "made-up"
    assert report.text("#summary") == "40 utterances · 2 min 40 s of audio · 2 systems · 7 runs"


def test_nose_stands_with_interval_bounds_and_signature(report, made_up_sweep):
    [sweep] = read_sweep(made_up_sweep)
    curves = [sweep.statistics(system, sweep.axes).curve() for system in sweep.systems]
    low, high = common_bounds(curves)
    _, *rows = report.rows("#nose")
    assert [row[:2] for row in rows] == [
        [curve.system, f"{nose(curve, (low, high)).score:.3f}"] for curve in curves
    ]
    for _, score, interval in rows:
        bottom, top = map(float, interval.split(" to "))
        assert bottom < float(score) < top
    text = report.text("#nose")
    assert f"from {low:.2f} to {high:.2f} s of AL" in text
    assert f"bounds:[{low!r},{high!r}]|quality:BLEU|latency:AL|unit:s" in re.sub(r"\s", "", text)


def test_every_run_has_a_row_with_intervals_and_degenerate_outputs(report, made_up_sweep):
    head, *rows = report.rows("#points")
    assert head[1:] == ["run", "AL (s)", "AL_CA (s)", "BLEU", "chrF", "EMPTY", "LOOPING", "AT_END"]
    assert [row[1] for row in rows] == [
        "reina threshold=0.5",
        "reina threshold=0.0",
        "reina threshold=-0.5",
        "waitk k=1",
        "waitk k=3",
        "waitk k=5",
        "offline",
    ]
    latency, interval = rows[0][2].split("\n")
    assert float(latency) == pytest.approx(
        log_of(made_up_sweep, "reina/threshold=0.5").latency("AL").mean() / 1000, abs=0.005
    )
    low, high = map(float, interval.split(" to "))
    assert low < float(latency) < high
    assert rows[-1][-1] == "40"


def test_a_curve_for_each_system_and_a_point_for_each_run(report):
    page = report.page
    assert page.locator("#curves path.curve").count() == 2
    assert page.locator("#curves .point").count() == 6
    assert page.locator("#curves line.offline").count() == 1
    page.hover("#curves .point >> nth=0")
    assert re.fullmatch(
        r"reina threshold=0.5\nBLEU [\d.]+ \([\d.]+ to [\d.]+\)\nAL [\d.]+ s \([\d.]+ to [\d.]+\)(\n.*)?",
        report.text("#tooltip"),
    )


def test_axes_can_be_chosen_and_systems_hidden(report):
    page = report.page
    page.select_option("#quality", "chrF")
    page.select_option("#latency", "AL_CA")
    labels = page.locator("#curves .axis-label").all_text_contents()
    assert sorted(labels) == ["AL_CA (s)", "chrF"]
    page.click("#legend button:has-text('waitk')")
    assert page.locator("#curves .point").count() == 3
    page.click("#legend button:has-text('reina')")
    assert report.text("#curves") == "No system with these scores is shown."


@pytest.mark.parametrize("options", [{"viewport": {"width": 390, "height": 800}}, {"color_scheme": "dark"}])
def test_nothing_is_wider_than_a_phone_and_dark_is_dark(show, made_up_sweep, options):
    page = show(made_up_sweep / "report.html", **options).page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    red = int(re.search(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor")).group())
    assert (red < 50) == (options.get("color_scheme") == "dark")


def test_offline_runs_of_one_quality_share_a_line(show, tmp_path):
    folder = write_sweep(tmp_path)
    shutil.copytree(folder / "runs/offline/reina", folder / "runs/offline/waitk")
    page = show(write_report(folder)).page
    assert page.locator("#curves line.offline").count() == 1
    assert re.fullmatch(r"offline [\d.]+", page.locator("#curves g:has(> line.offline) text").text_content())


def test_lines_tell_systems_apart_where_colours_begin_again(show, tmp_path):
    points = {"k=1": (500, 0.5), "k=3": (1100, 0.3)}
    page = show(write_report(write_sweep(tmp_path, {f"system{n}": points for n in range(9)}))).page
    assert page.locator("#curves path.curve").count() == 9
    assert page.locator("#curves path.curve.repeated").count() == 1


def test_texts_cannot_break_the_page(show, tmp_path):
    evil = "</script><script>document.title = 'broken'</script> <b>bold</b> & {{data}}"
    delays = [500.0] * len(evil.split())
    changes = {"prediction": evil, "reference": evil, "delays": delays, "elapsed": delays}
    for run in ("offline/<b>", "<b>/k=1", "<b>/k=2"):
        write_chunks(write_log(tmp_path / "runs" / run, [line(0, **changes), line(1)]))
    report = show(write_report(tmp_path))
    assert report.text(".reference").endswith(evil)
    assert report.texts("#detail .text p") == [evil]
    assert report.page.title() != "broken"


def test_language_pairs_are_turned_to(show, tmp_path):
    write_sweep(tmp_path, languages="en-de")
    write_sweep(tmp_path, languages="en-fr", sentences=30)
    report = show(write_report(tmp_path))
    assert report.text("#summary").startswith("40 utterances")
    report.page.select_option("#pair", "en-fr")
    report.page.wait_for_selector("#summary:has-text('30 utterances')")
    assert "pair=en-fr" in report.page.get_attribute("#detail h3 a", "href")


def test_a_sweep_without_offline_run_says_why_it_has_no_nose(show, tmp_path):
    folder = write_sweep(tmp_path)
    shutil.rmtree(folder / "runs/offline")
    report = show(write_report(folder))
    assert "has no offline run for reina, and NoSE divides by its quality" in report.text("#nose")
    assert report.page.locator("#curves .point").count() == 6


def test_a_page_that_cannot_hold_all_utterances_says_so(show, tmp_path):
    folder = write_sweep(tmp_path)
    size = sum(map(len, packets(write_report(folder))[:10]))
    report = show(write_report(folder, maximum_size=size))
    assert report.text("#summary").endswith("this page opens the first 10, the rest is in runs/")
    assert report.page.locator("#list .item-number").count() == 10
    # One can always be opened.
    assert len(packets(write_report(folder, maximum_size=1))) == 1


def test_the_same_sweep_gives_the_same_bytes(made_up_sweep):
    before = (made_up_sweep / "report.html").read_bytes()
    assert write_report(made_up_sweep).read_bytes() == before


def test_a_thousand_utterances_at_forty_settings_stay_a_few_megabytes(made_up_sweep):
    """By the size of one utterance, of which there would be a thousand, at seven settings."""
    found = packets(made_up_sweep / "report.html")
    assert 1000 * sum(map(len, found)) / len(found) * 40 / 7 < 12e6


def test_damaged_runs_are_named(tmp_path):
    folder = write_sweep(tmp_path)
    file = folder / "runs/waitk/k=1/chunks.jsonl"
    file.write_text(file.read_text()[:-30])
    with pytest.raises(InputError, match="k=1/chunks.jsonl line 40 is no JSON, or cut in the middle"):
        write_report(folder)
    (folder / "runs/waitk/k=1/scores.tsv").write_text("setting\tBLEU\nwaitk\tmany\n")
    with pytest.raises(InputError, match="k=1/scores.tsv line 2: BLEU must be a number"):
        write_report(folder)
    assert not (folder / "report.html").exists()
