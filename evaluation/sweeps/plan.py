"""What a sweep runs: systems x settings (x language pairs), and their offline runs.

    model: openai/whisper-base           # any key of an evaluation file, for all runs
    source: test/source.txt
    engine: batched
    languages:                           # optional: what differs between language pairs
      en-de: {target_language: de, target: test/target.de.txt}
      en-fr: {target_language: fr, target: test/target.fr.txt}
    systems:
      wait-k:
        agent: waitk
        knob: k                          # one option ...
        settings: [1, 3, 5, 7]           # ... and its values
      alignatt:                          # the name is the agent where none is given
        chunk_ms: 250                    # any key, for all settings of a system
        settings:                        # without a knob each setting names its options
          - {recent_frames: 4}
          - {recent_frames: 8, attention_layer: 3}

Metrics that come first are the axes of the curves. NoSE divides by the quality of an offline run, which
is added by itself: one for all systems that decode alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.configuration.agent_files import agent_names, find_agent
from evaluation.configuration.evaluation_file import SHARED_OPTIONS, Configuration, configure
from evaluation.sweeps.layout import OFFLINE, UNSAFE, RunPlace, SweepLayout, setting_name
from foundation.errors import InputError
from foundation.files.shipped_files import shipped_configuration
from foundation.files.yaml_files import read_yaml
from foundation.options import options_of
from foundation.typed_values import parse_words

# Of a system, besides the keys of an evaluation file.
SYSTEM_KEYS = ("agent", "knob", "settings")


@dataclass(frozen=True)
class PlannedRun:
    """One evaluation of a sweep; its output is its place in the sweep's folder."""

    place: RunPlace
    configuration: Configuration


@dataclass(frozen=True)
class SweepPlan:
    """All runs, and the YAML that asks for them."""

    values: Mapping[str, Any]
    runs: tuple[PlannedRun, ...]
    # Of each language pair, the offline run by which each system is measured; system -> setting.
    offline: Mapping[str | None, Mapping[str, str]]


def load_plan(path: str | Path, output: str | Path, overrides: Mapping[str, Sequence[str]]) -> SweepPlan:
    """Read a sweep's file; overrides are flags that replace values it gives for all runs.

    Of a file that ships the name will do: "quickstart". Raises InputError that names the file, the system or
    setting, and the key.
    """
    path = Path(shipped_configuration(str(path), "sweeps"))
    values = read_yaml(path)
    options = {name: one for shared in SHARED_OPTIONS for name, one in options_of(shared).items()}
    for name, words in overrides.items():
        if name not in options or name == "output":
            raise InputError(f"command line: {name!r} is no option for all runs of a sweep: put it in {path}")
        values[name] = parse_words(words, options[name])
    base = {name: value for name, value in values.items() if name not in ("systems", "languages")}
    for name in ("agent", "output"):
        if name in base:
            raise InputError(f"{path}: {name} is for single evaluations: give systems, and --output DIR")
    systems = _mapping(values.get("systems"), f"{path}: systems")
    languages = {None: {}}
    if "languages" in values:
        languages = _mapping(values["languages"], f"{path}: languages")
    layout = SweepLayout(Path(output))
    runs, offline = [], {}
    for pair, changes in languages.items():
        builder = _PlanBuilder(str(path), layout, pair, base | changes)
        found, offline[pair] = builder.runs(systems)
        runs += found
    return SweepPlan(values, tuple(runs), offline)


@dataclass(frozen=True)
class _PlanBuilder:
    """Makes the runs of one language pair."""

    path: str
    layout: SweepLayout
    languages: str | None
    base: Mapping[str, Any]

    def runs(self, systems: Mapping[str, Mapping[str, Any]]) -> tuple[list[PlannedRun], dict[str, str]]:
        """The runs of the systems, then offline ones.

        And whose these are: of the first that decodes alike.
        """
        runs = [run for name, values in systems.items() for run in self._system(name, values)]
        distinct: dict[str, PlannedRun] = {}
        offline = {}
        for name, values in systems.items():
            run = self._offline(name, values)
            offline[name] = distinct.setdefault(_decoding(run.configuration), run).place.setting
        return [*runs, *distinct.values()], offline

    def _system(self, name: str, values: Mapping[str, Any]) -> list[PlannedRun]:
        place = f"{self.path}: system {name}"
        if name == OFFLINE:
            raise InputError(f"{place}: choose another name, {OFFLINE} is taken")
        settings = self._settings(values, place)
        runs = {}
        for setting in settings:
            key = setting_name(setting) or "default"
            if key in runs:
                raise InputError(f"{place}: setting {key} is given twice: keep one")
            runs[key] = self._run(name, key, {**_shared(values), **setting}, _agent(name, values))
        return list(runs.values())

    def _settings(self, values: Mapping[str, Any], place: str) -> list[Mapping[str, Any]]:
        settings = values.get("settings", [{}])
        if not isinstance(settings, list) or not settings:
            raise InputError(f"{place}: settings must be a list, got {settings!r:.100}")
        knob = values.get("knob")
        if knob is not None:
            return [{str(knob): value} for value in settings]
        for setting in settings:
            if not isinstance(setting, dict):
                raise InputError(f"{place}: setting {setting!r} is a value, but of what? Add a knob")
        return settings

    def _offline(self, name: str, values: Mapping[str, Any]) -> PlannedRun:
        """The same model and search as the system, asked once it has heard everything."""
        agent_class = find_agent(_agent(name, values))
        own = options_of(agent_class.policy_class)
        shared = {key: value for key, value in _shared(values).items() if key not in own}
        defaults = {key: value for key, value in agent_class.defaults.items() if key not in self.base}
        return self._run(OFFLINE, name, {**defaults, **shared}, "offline")

    def _run(self, system: str, setting: str, values: Mapping[str, Any], agent: str) -> PlannedRun:
        place = RunPlace(system, setting, self.languages)
        where = f"{self.path}: {place.path}"
        output = str(self.layout.run(place))
        configuration = configure({**self.base, **values, "agent": agent, "output": output}, where)
        if configuration.evaluation.no_use_ref_len:
            raise InputError(
                f"{self.path}: a sweep's latency goes by the reference: leave no_use_ref_len out"
            )
        if "NoSE" in configuration.evaluation.latency_metrics:
            raise InputError(f"{self.path}: a sweep scores NoSE by itself: leave it out of latency_metrics")
        return PlannedRun(place, configuration)


def _agent(name: str, values: Mapping[str, Any]) -> str:
    return values.get("agent", name if name in agent_names() else None)


def _shared(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in SYSTEM_KEYS}


def _decoding(configuration: Configuration) -> str:
    """What an offline run's result depends on; the chunks in which its audio arrives are no part of it."""
    return repr({**configuration.values(), "output": None, "chunk_ms": None})


def _mapping(value: Any, place: str) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict) or not value:
        raise InputError(f"{place} must name one at least, each with its keys and values")
    for name, inner in value.items():
        if not isinstance(name, str) or not isinstance(inner, dict | type(None)):
            raise InputError(f"{place}: {name!r} must be a name with keys and values behind it")
        # It becomes a folder's name: `..` is another one, and what begins with a dot counts as unfinished.
        if not name or UNSAFE.search(name) or name.startswith("."):
            raise InputError(
                f"{place}: {name!r} must be of letters, digits and .,=+-_, and not begin with a dot"
            )
    return {name: inner or {} for name, inner in value.items()}
