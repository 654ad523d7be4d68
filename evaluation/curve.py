"""A quality/latency curve: the operating points of one system, and what it reaches offline.

    latency  quality  setting
    1.27     22.89    k=3
    2.33     24.41    k=5

is a file of points, with tabs between the columns; `setting` may be missing and other columns are
ignored.
"""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from models.errors import InputError


@dataclass(frozen=True)
class Axes:
    """What the numbers of a curve are."""

    quality: str = "BLEU"
    latency: str = "AL"
    unit: str = "s"  # of latency

    def __str__(self) -> str:
        return f"{self.quality} over {self.latency} ({self.unit})"


@dataclass(frozen=True)
class OperatingPoint:
    """One run of a system at one setting."""

    latency: float
    quality: float
    setting: str = ""
    run: str = ""  # folder or file that it comes from

    def __post_init__(self) -> None:
        for name in ("latency", "quality"):
            value = getattr(self, name)
            if not math.isfinite(value):
                whose = f"point {self.setting}" if self.setting else "a point"
                raise InputError(f"{name} of {whose} must be finite, got {value}")


@dataclass(frozen=True)
class Curve:
    """Points of one system, each once, ordered by latency, whatever their order when it is made."""

    system: str
    points: tuple[OperatingPoint, ...]
    offline: float | None  # quality of the same model that hears everything first
    axes: Axes = Axes()
    decoding: str = "unstated"  # how the offline quality was decoded: greedy, beam 5, ...

    def __post_init__(self) -> None:
        points = sorted(self.points, key=lambda point: point.latency)
        # Settings beyond what a policy can still tell apart give one point.
        distinct = {(point.latency, point.quality): point for point in reversed(points)}
        object.__setattr__(self, "points", tuple(reversed(distinct.values())))
        if self.offline is None:
            raise InputError(f"{self.system} has no offline quality: run the same model offline, and give it")
        if not 0 < self.offline < math.inf:
            raise InputError(f"offline quality of {self.system} must be a number above 0, got {self.offline}")
        if len(self.points) < 2:
            raise InputError(f"a curve needs at least 2 points, {self.system} has {len(self.points)}")
        for earlier, later in zip(self.points, self.points[1:], strict=False):
            if earlier.latency == later.latency:
                settings = " and ".join(point.setting or str(point.quality) for point in (earlier, later))
                raise InputError(
                    f"{self.system} has two points at latency {later.latency:g} ({settings}): keep one"
                )

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest latency: nothing is known outside."""
        return self.points[0].latency, self.points[-1].latency


def read_points(path: str | Path) -> tuple[OperatingPoint, ...]:
    """Points of a tab-separated file with a header. Raises InputError that names the file and the line."""
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: give a file with columns latency and quality") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise InputError(f"{path} is no text file: give one with columns latency and quality") from None
    rows = csv.reader(lines, delimiter="\t")
    header = [name.strip() for name in next(rows, [])]
    for name in ("latency", "quality"):
        if header.count(name) != 1:
            found = ", ".join(header) or "nothing"
            raise InputError(f"{path} line 1 must name a column {name!r} once, found {found}")
    points = []
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise InputError(f"{path} line {number} has {len(row)} columns, its header has {len(header)}")
        cells = dict(zip(header, row, strict=True))
        try:
            numbers = {name: float(cells[name]) for name in ("latency", "quality")}
            points.append(OperatingPoint(**numbers, setting=cells.get("setting", "").strip(), run=str(path)))
        except ValueError as error:
            raise InputError(f"{path} line {number}: {error}") from None
    return tuple(points)
