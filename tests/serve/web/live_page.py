"""The page of `simulst serve` in Chromium, whose microphone hears a file."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from playwright.sync_api import Page

from tests.evaluation.report_browser import PATIENCE_MS, chromium

# Of captions on the page, as Python values.
WORDS = """() => transcript.words.map(({text, heardS, writtenS, delayS, serverS}) =>
    ({text, heardS, writtenS, delayS, serverS}))"""

DRAWN = """(name) => {
    const canvas = document.getElementById("wave");
    const color = getComputedStyle(document.body).getPropertyValue(name).trim();
    const wanted = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    const empty = new OffscreenCanvas(canvas.width, canvas.height);
    const copy = empty.getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const data = copy.getImageData(0, 0, canvas.width, canvas.height).data;
    let found = 0;
    for (let at = 0; at < data.length; at += 4) {
        const near = wanted.every((value, part) => Math.abs(value - data[at + part]) < 12);
        if (near && data[at + 3] > 200) found += 1;
    }
    return found;
}"""


class LivePage:
    """One page, with all that went wrong in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.problems: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("request", self._request)

    def open(self) -> None:
        self.page.goto(self.url)
        self.until("Ready", "#state")

    def until(self, text: str, selector: str = "#sentences") -> None:
        """Wait until an element's text holds `text`."""
        end_s = time.monotonic() + 2 * PATIENCE_MS / 1000
        while text not in (found := self.page.inner_text(selector)):
            assert time.monotonic() < end_s, f"{selector} never said {text!r}, but {found!r}"
            self.page.wait_for_timeout(50)

    def words(self) -> list[dict[str, Any]]:
        return self.page.evaluate(WORDS)

    def drawn_in(self, color: str) -> int:
        """Points of the strip's canvas in a color of the style sheet, given as #rrggbb."""
        return self.page.evaluate(DRAWN, color)

    def download(self, kind: str) -> str:
        with self.page.expect_download() as caught:
            self.page.click(f"[data-download={kind}]")
        return Path(caught.value.path()).read_text(encoding="utf-8")

    def _note(self, message) -> None:
        # A server that is gone on purpose is told in the page.
        if message.type in ("error", "warning") and "WebSocket connection" not in message.text:
            self.problems.append(f"{message.type}: {message.text}")

    def _request(self, request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:", self.url.replace("http", "ws"))):
            self.problems.append(f"request: {request.url}")


@contextmanager
def live_page(url: str, wav: Path | None, tab: str | None = None, **context: Any) -> Iterator[LivePage]:
    """wav: what the microphone hears, once; None is a browser that may not use one.

    tab: the title of the tab whose sound is shared when the page asks for one.
    """
    arguments = ["--autoplay-policy=no-user-gesture-required"]
    if wav is not None:
        arguments += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        arguments.append(f"--use-file-for-fake-audio-capture={wav}%noloop")
    if tab is not None:
        arguments.append(f"--auto-select-tab-capture-source-by-title={tab}")
    with chromium(*arguments, muted=tab is None) as browser:
        page = LivePage(browser.new_context(**context).new_page(), url)
        yield page


def microphone_file(path: Path, samples: np.ndarray, before_s: float = 0.0, after_s: float = 3.0) -> Path:
    """samples (n,) int16 at 16 kHz, as the browser's microphone wants them, with silence around."""
    at_48 = soxr.resample(samples.astype(np.float32) / 2**15, 16_000, 48_000)
    silence = [np.zeros(int(48_000 * seconds), np.float32) for seconds in (before_s, after_s)]
    soundfile.write(path, np.concatenate([silence[0], at_48, silence[1]]), 48_000, subtype="PCM_16")
    return path
