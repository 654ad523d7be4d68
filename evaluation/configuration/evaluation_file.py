"""Evaluation files: one YAML for one evaluation, keys and values checked against the options' dataclasses.

    agent: alignatt            # agents/alignatt_agent.py; or the path of an agent file (.py)
    source: eval_configs/quickstart/source.txt
    target: eval_configs/quickstart/target.en.txt
    model: openai/whisper-tiny.en
    recent_frames: 8

Besides `agent`, a key is the name of a field of EvaluationOptions, AgentOptions, TranslatorOptions,
SearchOptions, SpeechActivityOptions, HistoryOptions or the agent's policy (`simulst options` lists them).
Relative paths, those in YAML too, start from the current directory: the lists of audio files that SimulEval
reads know no other rule. Files that ship are found from any directory (`foundation.files.shipped_files`).
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import agents.streaming_agent
from agents.history import HistoryOptions
from agents.policy import Policy
from agents.streaming_agent import AgentOptions, StreamingAgent
from evaluation.configuration.agent_files import find_agent
from evaluation.configuration.evaluation_options import EvaluationOptions
from foundation.errors import InputError
from foundation.files.shipped_files import shipped_configuration, shipped_file
from foundation.files.yaml_files import dump_yaml, read_yaml
from foundation.options import Option, options_of, unknown_name
from foundation.typed_values import parse_words, typed_value
from models.decoding.options import SearchOptions
from models.sound.speech_activity import SpeechActivityOptions
from models.translator import TranslatorOptions

Options = TypeVar("Options")

SHARED_OPTIONS = (EvaluationOptions, *agents.streaming_agent.SHARED_OPTIONS)


@dataclass(frozen=True)
class Configuration:
    """One evaluation, ready to run."""

    agent: str  # its name, or the path of its file
    agent_class: type[StreamingAgent]
    evaluation: EvaluationOptions
    parts: tuple[Any, ...]  # all options of the agent, by class, in the order of its command line

    @property
    def agent_options(self) -> AgentOptions:
        return self._part(AgentOptions)

    @property
    def translator(self) -> TranslatorOptions:
        return self._part(TranslatorOptions)

    @property
    def search(self) -> SearchOptions:
        return self._part(SearchOptions)

    @property
    def speech(self) -> SpeechActivityOptions:
        return self._part(SpeechActivityOptions)

    @property
    def history(self) -> HistoryOptions:
        return self._part(HistoryOptions)

    @property
    def policy(self) -> Policy:
        return self._part(Policy)

    def agent_arguments(self) -> list[str]:
        """The agent's options as SimulEval's command line takes them."""
        return [word for part in self.parts for word in command_line(part)]

    @property
    def setting(self) -> str:
        """The agent and its policy's options in one line: `alignatt recent_frames=4`."""
        values = [f"{name}={getattr(self.policy, name)}" for name in options_of(type(self.policy))]
        return " ".join([Path(self.agent).stem.removesuffix("_agent"), *values])

    def to_yaml(self) -> str:
        """All options with their values, defaults included: an evaluation file that says the same."""
        return dump_yaml(self.values())

    def values(self) -> dict[str, Any]:
        """The same as keys with values; `configure` makes an equal configuration of them."""
        values = {"agent": self.agent}
        for options in (self.evaluation, *self.parts):
            values |= dataclasses.asdict(options)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def _part(self, options_class: type[Options]) -> Options:
        return next(part for part in self.parts if isinstance(part, options_class))


def load_configuration(
    path: str | Path, overrides: Mapping[str, Sequence[str]] | None = None
) -> Configuration:
    """Read an evaluation file; `overrides` are flags of the command line, as words, that replace its values.

    Of a file that ships the name will do: "reina". Raises InputError that names the file, or the flag, and
    the key.
    """
    path = Path(shipped_configuration(str(path)))
    values = read_yaml(path)
    if values.get("output") is None:
        values["output"] = f"outputs/{path.stem}"
    return configure(values, path, overrides)


def configure(
    values: Mapping[str, Any], place: str | Path, overrides: Mapping[str, Sequence[str]] | None = None
) -> Configuration:
    """The configuration that keys with values, as YAML gives them, describe.

    Raises InputError that names the place they come from, or the flag, and the key.
    """
    values, overrides = dict(values), dict(overrides or {})
    if "agent" in overrides:
        values["agent"] = " ".join(overrides.pop("agent"))
    agent = values.pop("agent", None)
    with _prefixed(place):
        if not isinstance(agent, str):
            raise InputError("agent is missing: name one of agents/, or give the path of an agent file (.py)")
        agent_class = find_agent(agent)
        classes = (*SHARED_OPTIONS, agent_class.policy_class)
        options = _all_options(classes)
        typed = {name: typed_value(value, _option(options, name)) for name, value in values.items()}
        given = {**agent_class.defaults, **typed}
    with _prefixed("command line"):
        for name, words in overrides.items():
            option = _option(options, name)
            given[name] = typed_value(parse_words(words, option), option)
    with _prefixed(place):
        evaluation, *parts = [_make(options_class, given) for options_class in classes]
        configuration = Configuration(agent, agent_class, evaluation, tuple(parts))
        evaluation = evaluation.for_language(configuration.agent_options.target_language)
    evaluation = dataclasses.replace(
        evaluation, source=shipped_file(evaluation.source), target=shipped_file(evaluation.target)
    )
    return dataclasses.replace(configuration, evaluation=evaluation)


def command_line(options: Any) -> list[str]:
    """A dataclass of options as flags; those without a value, and switches that are off, are left out."""
    words = []
    for option in options_of(type(options)).values():
        flag, value = option.flag, getattr(options, option.name)
        if value is True:
            words.append(flag)
        elif isinstance(value, tuple):
            words += [flag, *map(str, value)] if value else []
        elif value is not None and value is not False:
            # In one word, because a value of its own may begin with a dash.
            words.append(f"{flag}={value}")
    return words


def _all_options(classes: Sequence[type]) -> dict[str, Option]:
    found: dict[str, Option] = {}
    for options_class in classes:
        for name, one in options_of(options_class).items():
            if name in found or name == "agent":
                raise InputError(
                    f"{options_class.__name__}.{name} has the name of another option: rename the field"
                )
            found[name] = one
    return found


def _option(options: Mapping[str, Option], name: str) -> Option:
    if name not in options:
        raise unknown_name("option", name, [*options, "agent"], "`simulst options` lists them all")
    return options[name]


def _make(options_class: type, given: Mapping[str, Any]) -> Any:
    return options_class(**{name: given[name] for name in options_of(options_class) if name in given})


@contextmanager
def _prefixed(place: str | Path) -> Iterator[None]:
    """Puts `place` in front of the message of an InputError."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
