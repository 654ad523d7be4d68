"""Where a sweep keeps what: the one place that knows the names in its folder.

    DIR/sweep.yaml                       what was asked for, defaults included
    DIR/runs/SYSTEM/SETTING/             one run, as `simulst evaluate` leaves it
    DIR/runs/LANGUAGES/SYSTEM/SETTING/   the same in a sweep over language pairs, LANGUAGES as en-de
    DIR/runs/offline/SYSTEM/             the offline run of SYSTEM, and of all others that decode alike
    DIR/offline.yaml                     SYSTEM: the one whose offline run it shares (offline-en-de.yaml, ...)
    DIR/points.tsv, DIR/points.json      latency and quality of every run, with intervals
    DIR/nose.tsv, DIR/curves.png         NoSE of every system, and the curves (nose-en-de.tsv, ...)
    DIR/report.html                      the page to look at

A SETTING is the knobs that tell it from its siblings: `k=3`, or `chunk_ms=500,held_tokens=2`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.logs.result_folder import LOG

# The system whose settings are the offline runs; no other may have this name.
OFFLINE = "offline"

# What may stand in a folder's name; anything else becomes an underscore.
UNSAFE = re.compile(r"[^\w.,=+-]+")


@dataclass(frozen=True)
class RunPlace:
    """One run of a sweep. languages is None where the sweep has one pair only."""

    system: str
    setting: str
    languages: str | None = None

    @property
    def is_offline(self) -> bool:
        return self.system == OFFLINE

    @property
    def path(self) -> Path:
        """Below the folder of all runs."""
        return Path(*filter(None, (self.languages, self.system, self.setting)))


@dataclass(frozen=True)
class SweepLayout:
    """The files of one sweep."""

    folder: Path

    @property
    def plan(self) -> Path:
        return self.folder / "sweep.yaml"

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def points_table(self) -> Path:
        return self.folder / "points.tsv"

    @property
    def points(self) -> Path:
        return self.folder / "points.json"

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    def offline(self, languages: str | None = None) -> Path:
        return self.folder / f"offline{_suffix(languages)}.yaml"

    def nose_table(self, languages: str | None = None) -> Path:
        return self.folder / f"nose{_suffix(languages)}.tsv"

    def curves(self, languages: str | None = None) -> Path:
        return self.folder / f"curves{_suffix(languages)}.png"

    def run(self, place: RunPlace) -> Path:
        return self.runs / place.path

    def finished_runs(self) -> dict[RunPlace, Path]:
        """The runs that are there, by their place, ordered by their paths."""
        found = {}
        for log in sorted([*self.runs.glob(f"*/*/{LOG}"), *self.runs.glob(f"*/*/*/{LOG}")]):
            # A run that has not finished has a folder whose name begins with a dot.
            if not log.parent.name.startswith("."):
                *languages, system, setting = log.parent.relative_to(self.runs).parts
                found[RunPlace(system, setting, *languages)] = log.parent
        return found


def setting_name(values: Mapping[str, Any]) -> str:
    """The name of the folder of a setting: `k=3`."""
    return ",".join(UNSAFE.sub("_", f"{name}={value}") for name, value in values.items())


def _suffix(languages: str | None) -> str:
    return "" if languages is None else f"-{languages}"
