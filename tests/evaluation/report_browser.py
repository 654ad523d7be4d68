"""A real browser for tests of the report: Chromium without a window."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

# Debian's name first; others are those of other systems.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE_MS = 60_000  # on a machine that does other work as well


class Report:
    """A report in a browser's page, with all that went wrong in it."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.path = path
        self.problems: list[str] = []
        self.media: list[str] = []  # addresses of audio that the page asked for
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self.problems.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("request", self._request)

    def _request(self, request: Request) -> None:
        if request.resource_type == "media":
            self.media.append(request.url)
        elif not request.url.startswith((self.path.as_uri(), "data:")):
            self.problems.append(f"request: {request.url}")

    def open(self, address: str = "") -> None:
        """Load the page anew and wait until an utterance is shown."""
        self.page.goto("about:blank")
        self.page.goto(self.path.as_uri() + address)
        self.page.wait_for_selector("#detail h3")

    def until(self, expression: str) -> None:
        """Wait until JavaScript is true: asked from here, for the page forbids itself to evaluate texts."""
        end = time.monotonic() + PATIENCE_MS / 1000
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, f"never true: {expression}"
            self.page.wait_for_timeout(20)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def texts(self, selector: str) -> list[str]:
        return [text.strip() for text in self.page.locator(selector).all_inner_texts()]

    def rows(self, selector: str) -> list[list[str]]:
        """The cells of a table's rows, head included."""
        found = self.page.locator(f"{selector} tr").all()
        return [[text.strip() for text in row.locator("th, td").all_inner_texts()] for row in found]


@contextmanager
def chromium(*arguments: str, muted: bool = True) -> Iterator[Browser]:
    """With further arguments of its command line. Skips the test where there is no browser.

    muted: nothing is heard, and the sound of a tab that is captured is silence.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as driver:
        # Its sandbox refuses to run as root, which containers do.
        browser = driver.chromium.launch(
            executable_path=found,
            args=["--no-sandbox", *arguments],
            ignore_default_args=[] if muted else ["--mute-audio"],
        )
        yield browser
        browser.close()
