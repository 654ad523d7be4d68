"""How far a long command is: a bar on a terminal; elsewhere a line every 30 s, with the time that is left.

340 of 1000 clips, about 3 min left
"""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

INTERVAL_S = 30.0


class Progress:
    """What is done of `total`, shown on standard error while the block runs.

    done: what was done by an earlier process. measure: asked for what is done, in place of calls of `add`.
    """

    def __init__(
        self,
        total: float,
        unit: str,
        title: str | None = None,
        done: float = 0,
        measure: Callable[[], float] | None = None,
    ) -> None:
        self.total = total
        self.done = done
        self._unit = unit
        self._title = title
        self._measure = measure
        self._earlier = done
        self._ended = threading.Event()
        self._bar = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Progress":
        self._began = time.monotonic()
        interval = INTERVAL_S
        if sys.stderr.isatty():
            # Imported only where it is shown.
            from tqdm import tqdm

            self._bar = tqdm(desc=self._title, total=round(self.total), initial=self.done, unit=self._unit)
            interval = 0.5
        if self._bar is None or self._measure is not None:
            self._thread = threading.Thread(target=self._show_at_intervals, args=(interval,), daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self._bar is not None:
            if kind is None and self._measure is not None:
                self._bar.update(self._measure() - self._bar.n)
            self._bar.close()

    def add(self, count: float = 1) -> None:
        """So many more are done."""
        self.done += count
        if self._bar is not None:
            self._bar.update(count)

    def line(self) -> str:
        """What is said where there is no bar."""
        title = f"{self._title}: " if self._title else ""
        text = f"{title}{self.done:.0f} of {self.total:.0f} {self._unit}s"
        new, left = self.done - self._earlier, self.total - self.done
        if not new or left <= 0:
            return text
        return f"{text}, about {duration((time.monotonic() - self._began) * left / new)} left"

    def _show_at_intervals(self, interval: float) -> None:
        while not self._ended.wait(interval):
            if self._measure is not None:
                self.done = self._measure()
            if self._bar is not None:
                self._bar.update(self.done - self._bar.n)
            else:
                print(self.line(), file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """In the unit that a reader would take: 40 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
