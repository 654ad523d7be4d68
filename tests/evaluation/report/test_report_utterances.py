"""Single utterances on the page of a sweep, as its readers see them in a browser."""

from evaluation.report.report import write_report
from tests.evaluation.made_up_sweep import log_of, write_chunks, write_sweep
from tests.evaluation.run_logs import line, write_log


def test_an_utterance_opens_with_reference_and_what_each_run_wrote(report, made_up_sweep):
    report.page.click("#list a:has(.item-number:text-is('7'))")
    report.page.wait_for_selector("#detail h3:has-text('Utterance 7')")
    reference = log_of(made_up_sweep, "waitk/k=3").utterances[7].reference
    assert report.text(".reference").endswith(reference)
    names = report.texts("#detail .text-head strong")
    assert names == ["reina threshold=0.0", "waitk k=3"]
    for run, text in zip(("reina/threshold=0.0", "waitk/k=3"), report.texts("#detail .text p"), strict=True):
        assert text == log_of(made_up_sweep, run).utterances[7].prediction
    assert report.page.locator("#detail .steps").count() == 2
    assert "u=7" in report.page.url


def test_the_table_tells_what_was_written_at_each_chunk(report, made_up_sweep):
    utterance = log_of(made_up_sweep, "waitk/k=3").utterances[0]
    rows = {row[0]: row[2] for row in report.rows(".chunk-table")[1:]}
    for delay, word in zip(utterance.delays, utterance.prediction.split(), strict=True):
        assert word in rows[f"{delay / 1000:.2f} s"].split()
    assert sum(len(cell.split()) for cell in rows.values() if cell != "·") == len(utterance.delays)


def test_arrow_keys_follow_the_texts_in_time(report):
    plots = report.page.locator(".plots")
    plots.focus()
    for _ in range(3):
        plots.press("ArrowRight")
    # Chunks of 400 ms, but words come at 1.0 s + 0.4 n: 0.4, 0.8, 1.0.
    assert plots.get_attribute("aria-valuetext") == "1.00 seconds"
    first = report.rows(".chunk-table")[1]
    assert first[0] == "1.00 s"
    readout = report.text(".readout")
    assert readout.startswith("1.00 s\nreina threshold=0.0") and first[1] in readout
    assert report.texts(".text:first-child .newest") == [first[1]]
    written = report.page.locator(".text:first-child .written")
    assert report.page.locator(".text:first-child .later").count() == written.count() - 1
    plots.press("Escape")
    assert report.page.locator(".newest, .later").count() == 0


def test_policy_scores_are_shown_for_each_token(report):
    plots = report.page.locator(".plots")
    assert report.texts(".score-heading") == ["policy score, reina threshold=0.0; READ above 0.5 (dashed)"]
    plots.focus()
    for _ in range(3):
        plots.press("ArrowRight")
    word = report.rows(".chunk-table")[1][1]
    assert report.texts(".token-box") == [f"{word}\n-1", "held\n-1.25", "stop\n0.75"]
    assert report.texts(".token-box.written") == [f"{word}\n-1"]


def test_the_true_clock_moves_words_behind_their_computation(report):
    page = report.page
    assert page.locator("#detail .chunk-table tbody th").first.inner_text() == "1.00 s"
    page.check("#detail input[value=done]")
    page.wait_for_selector("#detail .chunk-table tbody th:has-text('1.05 s')")
    assert "time since the audio began (s)" in page.locator(".plots").inner_text()


def test_points_and_rows_choose_the_runs_that_are_shown(report):
    page = report.page
    page.locator("#curves .point").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#detail .text-head strong:has-text('threshold=0.5')")
    assert page.evaluate("document.activeElement.dataset.key") == "reina/threshold=0.5"
    page.check("#points input[aria-label='show offline below']")
    page.wait_for_selector("#detail .text-head strong:has-text('offline')")
    page.click("#chosen-runs button[aria-label='hide waitk k=3']")
    page.wait_for_selector("#detail .text-head strong:has-text('waitk')", state="detached")
    assert len(report.texts("#chosen-runs .chip")) == 3


def test_an_address_leads_to_an_utterance_and_its_runs(report, show, made_up_sweep):
    report.page.click("#list a:has(.item-number:text-is('12'))")
    report.page.wait_for_selector("#detail h3:has-text('Utterance 12')")
    report.page.click("#chosen-runs button[aria-label='hide reina threshold=0.0']")
    address = report.page.get_attribute("#detail h3 a", "href")
    again = show(made_up_sweep / "report.html", address)
    again.page.wait_for_selector("#detail h3:has-text('Utterance 12')")
    assert again.texts("#detail .text-head strong") == ["waitk k=3"]
    report.page.go_back()
    report.page.wait_for_selector("#detail h3:has-text('Utterance 0')")


def test_the_list_is_searched_filtered_and_sorted(report, made_up_sweep):
    page = report.page
    log = log_of(made_up_sweep, "reina/threshold=0.0")
    page.fill("#list input", "37")
    assert report.texts("#list .item-number") == ["37"]
    page.fill("#list input", "")
    page.select_option("#list select[aria-label=filter]", "LOOPING")
    assert page.locator("#list .item-number").count() < 5
    page.select_option("#list select[aria-label=filter]", "")
    page.select_option("#list select[aria-label=order]", "slowest")
    latencies = log.latency("AL")
    assert report.texts("#list .item-number")[0] == str(int(latencies.argmax()))
    page.keyboard.press("Tab")
    page.locator("#list a").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    second = report.texts("#list .item-number")[1]
    page.wait_for_selector(f"#detail h3:has-text('Utterance {second}')")


def test_runs_of_simuleval_alone_are_shown_from_their_delays(show, tmp_path):
    folder = write_sweep(tmp_path / "plain")
    for file in ("chunks.jsonl", "evaluation.yaml"):
        for found in folder.glob(f"runs/*/*/{file}"):
            found.unlink()
    report = show(write_report(folder))
    assert report.page.locator("#detail .clocks").count() == 0
    text = log_of(folder, "waitk/k=3").utterances[0].prediction
    assert report.texts("#detail .text p")[1] == text


def test_characters_are_counted_where_there_are_no_words(show, tmp_path):
    delays = [500.0, 500.0, 900.0]
    lines = [
        line(index, prediction="我爱你", reference="我爱你们", delays=delays, elapsed=delays)
        for index in (0, 1)
    ]
    for run in ("offline/a", "a/k=1"):
        write_chunks(write_log(tmp_path / "runs" / run, lines))
    report = show(write_report(tmp_path))
    assert "characters written" in report.page.locator(".plots").inner_text()
    assert report.texts("#detail .text p") == ["我爱你"]
