"""A finished sweep, read from its folder: what NoSE and the report are computed from.

Settings that have not been run yet, or not to their end, are left out. A sweep over language pairs is
several sweeps, each over a test set of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from evaluation.logs.result_folder import LOG
from evaluation.logs.run_log import RunLog, check_same_test_set
from evaluation.metrics.curve import Axes
from evaluation.metrics.latency import LATENCY_METRICS, LONG_FORM_METRICS, in_unit, unit_of
from evaluation.metrics.metric_names import QUALITY_METRICS
from evaluation.metrics.quality_statistics import Statistics
from evaluation.metrics.run_quality import quality_of
from evaluation.sweeps.folder import (
    bleu_tokenizer,
    find_runs,
    read_run_yaml,
    read_scored_log,
    run_configuration,
)
from evaluation.sweeps.layout import RunPlace, SweepLayout
from evaluation.sweeps.statistics import PointStatistics, SweepStatistics
from foundation.errors import InputError

Run = TypeVar("Run", RunLog, Path)


@dataclass(frozen=True)
class FinishedSystem:
    """One system of a sweep: the logs of its settings, and of the offline run that it is measured by."""

    name: str
    runs: Mapping[str, RunLog]  # by setting
    offline: RunLog | None


@dataclass(frozen=True)
class FinishedSweep:
    """All runs of a sweep over one test set."""

    folder: Path
    languages: str | None  # None where the sweep has one pair only
    systems: tuple[FinishedSystem, ...]
    tokenizer: str  # sacreBLEU's, for BLEU
    quality_metrics: tuple[str, ...]  # by which the runs were scored, the main one first
    latency_metrics: tuple[str, ...]
    _counted: dict[tuple[Path, str], Statistics] = field(default_factory=dict, compare=False, repr=False)

    @property
    def logs(self) -> list[RunLog]:
        """The logs of all runs, offline ones included, each once."""
        logs = {log.path: log for system in self.systems for log in system.runs.values()}
        logs |= {system.offline.path: system.offline for system in self.systems if system.offline}
        return list(logs.values())

    @property
    def axes(self) -> Axes:
        """The first metric of each kind that can be resampled."""
        return axes_of(self.logs[0], self.quality_metrics, self.latency_metrics)

    def quality(self, log: RunLog, metric: str) -> Statistics:
        """Counted once for each run and metric, which takes most of the time."""
        key = log.path, metric
        if key not in self._counted:
            self._counted[key] = quality_of(log, metric, self.tokenizer)
        return self._counted[key]

    def statistics(self, system: FinishedSystem, axes: Axes) -> SweepStatistics:
        """What NoSE is computed from, for the test set and for its resamples.

        Raises InputError when there is no offline run, a run wrote nothing, or for a metric that cannot be
        resampled.
        """
        if system.offline is None:
            raise InputError(
                f"{self.folder} has no offline run for {system.name}, and NoSE divides by its quality: "
                "finish the sweep, or give files of points with --offline"
            )
        points = []
        for setting, log in system.runs.items():
            latency = log.latency(axes.latency)
            if np.isnan(latency).all():
                raise InputError(f"{log.path} wrote nothing that has a latency: leave out {setting}")
            latency = in_unit(axes.latency, latency)
            points.append(PointStatistics(setting, latency, self.quality(log, axes.quality)))
        offline = self.quality(system.offline, axes.quality)
        return SweepStatistics(system.name, points, offline, axes, decoding_of(system.offline))


def axes_of(log: RunLog, quality_metrics: Sequence[str], latency_metrics: Sequence[str]) -> Axes:
    """The first metric of each kind that can be resampled; log: of a run that was scored by them."""
    quality = next((name for name in quality_metrics if name in QUALITY_METRICS), "BLEU")
    known = {*LATENCY_METRICS, *LONG_FORM_METRICS}
    latency = next((name for name in latency_metrics if name in known), log.usual_latency[0])
    return Axes(quality, latency, unit_of(latency))


def read_sweep(folder: str | Path) -> list[FinishedSweep]:
    """The sweep over each language pair, in the order of their names.

    Raises InputError when the folder holds no run of a sweep, a log is damaged, or logs of one language
    pair are of different test sets.
    """
    layout = SweepLayout(Path(folder))
    if not layout.folder.is_dir():
        raise InputError(f"{folder} is no folder: give the --output of a simulst sweep")
    places = layout.finished_runs()
    if not any(not place.is_offline for place in places):
        raise InputError(f"{folder} holds no finished run of a sweep: give the --output of a simulst sweep")
    pairs = dict.fromkeys(place.languages for place in places)
    return [
        _read_pair(layout, languages, [place for place in places if place.languages == languages])
        for languages in pairs
    ]


@dataclass(frozen=True)
class FoundSystem:
    """The runs of one system, and the offline run that it is measured by, where that is known."""

    runs: tuple[Path, ...]
    offline: Path | None = None


def find_system(folder: str | Path) -> FoundSystem:
    """What a folder holds: a run, the runs of one system, or a sweep of one system.

    Raises InputError when there is no finished run, or a sweep has several systems.
    """
    folder = Path(folder).resolve() if Path(folder).is_dir() else Path(folder)
    layout = SweepLayout(folder)
    if (folder / LOG).is_file() or not layout.runs.is_dir():
        runs = find_runs(folder)
        return FoundSystem(tuple(runs), _offline_beside(folder) if runs != [folder] else None)
    systems = dict.fromkeys(
        layout.run(place).parent for place in layout.finished_runs() if not place.is_offline
    )
    if not systems:
        raise InputError(f"{folder} holds no finished run of a sweep: give the --output of a simulst sweep")
    if len(systems) > 1:
        names = ", ".join(str(system) for system in systems)
        raise InputError(f"{folder} is a sweep of several systems: give the folder of one, of {names}")
    return find_system(next(iter(systems)))


def _offline_beside(system: Path) -> Path | None:
    """The offline run of a system whose folder stands in that of a sweep."""
    for languages, runs in ((None, system.parent), (system.parent.name, system.parent.parent)):
        layout = SweepLayout(runs.parent)
        if runs != layout.runs:
            continue
        places = [place for place in layout.finished_runs() if place.languages == languages]
        offline = {place.setting: layout.run(place) for place in places if place.is_offline}
        shared = _shared_offline(layout, languages)
        return _offline_of(system.name, offline, shared)
    return None


def _read_pair(layout: SweepLayout, languages: str | None, places: Sequence[RunPlace]) -> FinishedSweep:
    logs = {place: read_scored_log(layout.run(place)) for place in places}
    check_same_test_set(list(logs.values()))
    offline = {place.setting: log for place, log in logs.items() if place.is_offline}
    shared = _shared_offline(layout, languages)
    systems = []
    for name in dict.fromkeys(place.system for place in places if not place.is_offline):
        runs = {place.setting: log for place, log in logs.items() if place.system == name}
        systems.append(FinishedSystem(name, runs, _offline_of(name, offline, shared)))
    run_folders = [log.path.parent for log in logs.values()]
    configuration, *_ = [run_configuration(folder) for folder in run_folders]
    return FinishedSweep(
        layout.folder,
        languages,
        tuple(systems),
        bleu_tokenizer(list(logs.values())),
        tuple(configuration.get("quality_metrics", QUALITY_METRICS)),
        tuple(configuration.get("latency_metrics", list(logs.values())[0].usual_latency[::-1])),
    )


def _shared_offline(layout: SweepLayout, languages: str | None) -> dict[str, str]:
    """By which offline run each system is measured, as the sweep says. Raises InputError when damaged."""
    file, mend = layout.offline(languages), "run the sweep again"
    shared = read_run_yaml(file, mend)
    if not all(isinstance(name, str) for name in shared.values()):
        raise InputError(f"{file} is damaged (it must name a run for each system): {mend}")
    return shared


def _offline_of(system: str, offline: Mapping[str, Run], shared: Mapping[str, str]) -> Run | None:
    """The one that the sweep says; else that of its own name, or the only one there is."""
    if system in shared:
        return offline.get(shared[system])
    return offline.get(system) or (next(iter(offline.values())) if len(offline) == 1 else None)


def decoding_of(offline: RunLog) -> str:
    """How an offline run was decoded, in a word: greedy, beam3, ..."""
    beam = run_configuration(offline.path.parent).get("beam")
    if beam is None:
        return "unstated"
    return "greedy" if beam == 1 else f"beam{beam}"
