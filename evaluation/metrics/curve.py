"""A quality/latency curve: the operating points of one system, and what it reaches offline.

    latency  quality  setting
    1.27     22.89    k=3
    2.33     24.41    k=5

is a file of points, with tabs between the columns; `setting` may be missing and other columns are
ignored.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from evaluation.table import number, read_tsv
from foundation.errors import InputError

LARGEST = 1e9  # of a latency in any unit, or a quality; more is a damaged number


@dataclass(frozen=True)
class Axes:
    """What the numbers of a curve are."""

    quality: str = "BLEU"
    latency: str = "AL"
    unit: str = "s"  # of latency; empty for a proportion or a count

    def __str__(self) -> str:
        return f"{self.quality} over {self.latency_with_unit}"

    @property
    def latency_with_unit(self) -> str:
        """The metric with its unit, as in `AL (s)`."""
        return f"{self.latency} ({self.unit})" if self.unit else self.latency

    def bound_columns(self, low: float, high: float) -> dict[str, float]:
        """Two bounds of latency as cells of a table, whose names say the unit."""
        unit = self.unit or self.latency
        return {f"from_{unit}": low, f"to_{unit}": high}


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
            if not abs(value) <= LARGEST:
                whose = f"point {self.setting}" if self.setting else "a point"
                need = f"at most {LARGEST:g}" if math.isfinite(value) else "finite"
                raise InputError(f"{name} of {whose} must be {need}, got {value:g}")


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
    if not path.exists():
        raise InputError(f"{path} does not exist: give a file with columns latency and quality")
    points = []
    for place, cells in read_tsv(path, ("latency", "quality"), "give columns latency and quality, with tabs"):
        numbers = {name: number(cells[name], place, name) for name in ("latency", "quality")}
        try:
            points.append(OperatingPoint(**numbers, setting=cells.get("setting", ""), run=str(path)))
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
    return tuple(points)
