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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import agents.streaming_agent
from agents.configuration.agent_configuration import AgentConfiguration, configure_agent, named_place
from evaluation.configuration.evaluation_options import EvaluationOptions
from foundation.files.shipped_files import shipped_configuration, shipped_file
from foundation.files.yaml_files import dump_yaml, read_yaml
from foundation.options import options_of

SHARED_OPTIONS = (EvaluationOptions, *agents.streaming_agent.SHARED_OPTIONS)


@dataclass(frozen=True)
class Configuration(AgentConfiguration):
    """One evaluation, ready to run."""

    evaluation: EvaluationOptions

    def agent_arguments(self) -> list[str]:
        """The agent's options as SimulEval's command line takes them."""
        return [word for part in self.parts for word in command_line(part, with_false=True)]

    @property
    def setting(self) -> str:
        """The agent and its policy's options in one line: `alignatt recent_frames=4`.

        What is left to the model, as a threshold of None, is left out.
        """
        options = {name: getattr(self.policy, name) for name in options_of(type(self.policy))}
        values = [f"{name}={value}" for name, value in options.items() if value is not None]
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


def load_configuration(
    path: str | Path, overrides: Mapping[str, Sequence[str]] | None = None
) -> Configuration:
    """Read an evaluation file; `overrides` are flags of the command line, as words, that replace its values.

    Of a file that ships the name will do: "reina". Raises InputError that names the file, or the flag, and
    the key.
    """
    place, values = read_values(path)
    return configure(values, place, overrides)


def read_values(path: str | Path) -> tuple[str, dict[str, Any]]:
    """The path of an evaluation file, given as such or by its name, and its keys with values.

    Where no output is named, it is of the file's name. Raises InputError for a file that cannot be read.
    """
    path = Path(shipped_configuration(str(path)))
    values = read_yaml(path)
    if values.get("output") is None:
        values["output"] = f"outputs/{path.stem}"
    return str(path), values


def configure(
    values: Mapping[str, Any], place: str | Path, overrides: Mapping[str, Sequence[str]] | None = None
) -> Configuration:
    """The configuration that keys with values, as YAML gives them, describe.

    Raises InputError that names the place they come from, or the flag, and the key.
    """
    agent, [evaluation] = configure_agent(values, place, overrides, (EvaluationOptions,))
    with named_place(place):
        evaluation = evaluation.for_language(agent.agent_options.target_language)
    paths = {name: getattr(evaluation, name) for name in ("source", "target", "segments", "audio_folder")}
    shipped = {name: shipped_file(path) for name, path in paths.items() if path}
    evaluation = dataclasses.replace(evaluation, **shipped)
    return Configuration(agent.agent, agent.agent_class, agent.parts, evaluation)


def command_line(options: Any, with_false: bool = False) -> list[str]:
    """A dataclass of options as flags, but for those without a value.

    Switches that are off are left out, or `with_false` say so: an agent may have them on by default.
    """
    words = []
    for option in options_of(type(options)).values():
        flag, value = option.flag, getattr(options, option.name)
        if value is True:
            words.append(flag)
        elif isinstance(value, tuple):
            words += [flag, *map(str, value)] if value else []
        elif value is False:
            words += [f"{flag}=false"] if with_false else []
        elif value is not None:
            # In one word, because a value of its own may begin with a dash.
            words.append(f"{flag}={value}")
    return words
