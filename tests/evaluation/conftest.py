"""Reports in a browser, for the tests of pages."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from evaluation.report.report import write_report
from tests.evaluation.made_up_sweep import write_sweep
from tests.evaluation.report_browser import Report, chromium


# Not for the whole session: while Playwright runs, no other test of this thread can start an event loop.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def made_up_sweep(tmp_path_factory) -> Path:
    """A sweep with its report: two systems of three settings, 40 utterances, policy scores of the first."""
    folder = write_sweep(tmp_path_factory.mktemp("report") / "made-up")
    write_report(folder)
    return folder


@pytest.fixture
def show(browser) -> Iterator[Callable[..., Report]]:
    """Opens a report; whatever went wrong in its page by the end of the test fails it."""
    opened = []

    def show(path: Path, address: str = "", **options) -> Report:
        report = Report(browser.new_page(**options), path)
        opened.append(report)
        report.open(address)
        return report

    yield show
    for report in opened:
        report.page.close()
        assert report.problems == []


@pytest.fixture
def report(show, made_up_sweep) -> Report:
    return show(made_up_sweep / "report.html")
