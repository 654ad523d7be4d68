"""Evaluation files: one YAML for one evaluation, keys and values checked against the options' dataclasses.

    agent: alignatt            # agents/alignatt_agent.py; or the path of an agent file (.py)
    source: eval_configs/quickstart/source.txt
    target: eval_configs/quickstart/target.en.txt
    model: openai/whisper-tiny.en
    recent_frames: 8

Besides `agent`, a key is the name of a field of EvaluationOptions, AgentOptions, TranslatorOptions,
SearchOptions or the agent's policy (`simulst options` lists them). Relative paths, those in YAML too,
start from the current directory: the lists of audio files that SimulEval reads know no other rule. Files that
ship are found from any directory (`foundation.shipped_files`).
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

import agents.streaming_agent
from agents.streaming_agent import StreamingAgent
from evaluation.agent_files import find_agent
from evaluation.evaluation_options import EvaluationOptions
from evaluation.option_values import parse_words, typed_value
from foundation.shipped_files import shipped_configuration, shipped_file
from models.errors import InputError

SHARED_OPTIONS = (EvaluationOptions, *agents.streaming_agent.SHARED_OPTIONS)


@dataclass(frozen=True)
class Configuration:
    """One evaluation, ready to run."""

    agent: str
    agent_class: type[StreamingAgent]
    evaluation: EvaluationOptions
    agent_options: tuple[Any, ...]  # AgentOptions, TranslatorOptions, SearchOptions, the policy

    def agent_arguments(self) -> list[str]:
        """The agent's options as SimulEval's command line takes them."""
        return [word for options in self.agent_options for word in command_line(options)]

    @property
    def setting(self) -> str:
        """The agent and its policy's options in one line: `alignatt recent_frames=4`."""
        policy = self.agent_options[-1]
        values = [f"{field.name}={getattr(policy, field.name)}" for field in dataclasses.fields(policy)]
        return " ".join([Path(self.agent).stem.removesuffix("_agent"), *values])

    def to_yaml(self) -> str:
        """All options with their values, defaults included: an evaluation file that says the same."""
        return yaml.safe_dump(self.values(), sort_keys=False, allow_unicode=True)

    def values(self) -> dict[str, Any]:
        """The same as keys with values; `configure` makes an equal configuration of them."""
        values = {"agent": self.agent}
        for options in (self.evaluation, *self.agent_options):
            values |= dataclasses.asdict(options)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


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
        fields = _fields(classes)
        typed = {name: typed_value(value, _field(fields, name)) for name, value in values.items()}
        given = {**agent_class.defaults, **typed}
    with _prefixed("command line"):
        for name, words in overrides.items():
            field = _field(fields, name)
            given[name] = typed_value(parse_words(words, field), field)
    with _prefixed(place):
        evaluation, *options = [_make(options_class, given) for options_class in classes]
    evaluation = replace(
        evaluation.for_language(options[0].target_language),
        source=shipped_file(evaluation.source),
        target=shipped_file(evaluation.target),
    )
    return Configuration(agent, agent_class, evaluation, tuple(options))


def command_line(options: Any) -> list[str]:
    """A dataclass of options as flags; those without a value, and switches that are off, are left out."""
    words = []
    for field in dataclasses.fields(options):
        flag, value = "--" + field.name.replace("_", "-"), getattr(options, field.name)
        if value is True:
            words.append(flag)
        elif isinstance(value, tuple):
            words += [flag, *map(str, value)] if value else []
        elif value is not None and value is not False:
            # In one word, because a value of its own may begin with a dash.
            words.append(f"{flag}={value}")
    return words


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML file. Raises InputError for anything else, and for a key given twice."""
    try:
        with path.open(encoding="utf-8") as file:
            values = yaml.load(file, _UniqueKeyLoader)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist (relative paths start from {Path.cwd()})") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise InputError(f"{path} is no text file: give an evaluation file in YAML") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path} is no valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InputError(f"{path} must hold lines of the form `key: value`")
    return values


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML where a key may stand only once; PyYAML would take the last one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [key.value for key, _ in node.value]
        twice = next((key for key, _ in node.value if keys.count(key.value) > 1), None)
        if twice is not None:
            problem = f"key {twice.value!r} is given twice"
            raise yaml.constructor.ConstructorError(None, None, problem, twice.start_mark)
        return super().construct_mapping(node, deep)


def _fields(classes: Sequence[type]) -> dict[str, dataclasses.Field]:
    fields: dict[str, dataclasses.Field] = {}
    for options_class in classes:
        for field in dataclasses.fields(options_class):
            if field.name in fields or field.name == "agent":
                raise InputError(
                    f"{options_class.__name__}.{field.name} has the name of another option: rename the field"
                )
            fields[field.name] = field
    return fields


def _field(fields: Mapping[str, dataclasses.Field], name: str) -> dataclasses.Field:
    if name not in fields:
        close = get_close_matches(name, [*fields, "agent"], n=1)
        hint = f"did you mean {close[0]!r}?" if close else "`simulst options` lists them all"
        raise InputError(f"there is no option {name!r}: {hint}")
    return fields[name]


def _make(options_class: type, given: Mapping[str, Any]) -> Any:
    names = {field.name for field in dataclasses.fields(options_class)}
    return options_class(**{name: value for name, value in given.items() if name in names})


@contextmanager
def _prefixed(place: str | Path) -> Iterator[None]:
    """Puts `place` in front of the message of an InputError."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
