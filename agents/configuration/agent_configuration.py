"""An agent by keys with values, as YAML gives them: checked against the options' dataclasses.

    agent: alignatt            # agents/alignatt_agent.py; or the path of an agent file (.py)
    model: openai/whisper-tiny.en
    recent_frames: 8

Besides `agent`, a key is the name of a field of AgentOptions, TranslatorOptions, RecogniserOptions,
SearchOptions, SpeechActivityOptions, HistoryOptions or the agent's policy. Files that say more than that
(test sets, servers) name the classes of their own options.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import agents.streaming_agent
from agents.cascade.configuration import PLACE, Recogniser, recogniser_values
from agents.cascade.recogniser_options import RecogniserOptions
from agents.configuration.agent_files import agent_names, find_agent
from agents.history_options import HistoryOptions
from agents.policy import Policy
from agents.streaming_agent import AgentOptions, StreamingAgent
from foundation.errors import InputError
from foundation.options import Option, options_of, unknown_name
from foundation.typed_values import parse_words, typed_value
from models.decoding.options import SearchOptions
from models.languages import LanguagePair
from models.sound.speech_activity_options import SpeechActivityOptions
from models.translator_options import TranslatorOptions

Options = TypeVar("Options")


@dataclass(frozen=True)
class AgentConfiguration:
    """One agent with all its options."""

    agent: str  # its name, or the path of its file
    agent_class: type[StreamingAgent]
    parts: tuple[Any, ...]  # all options of the agent, by class, in the order of its command line

    @property
    def agent_options(self) -> AgentOptions:
        return self._part(AgentOptions)

    @property
    def languages(self) -> LanguagePair:
        options = self.agent_options
        return LanguagePair(options.source_language, options.target_language)

    @property
    def translator(self) -> TranslatorOptions:
        return self._part(TranslatorOptions)

    @property
    def recogniser(self) -> Recogniser | None:
        """Of a cascade; None where the model hears itself. Raises InputError for options that cannot be."""
        return configure_recogniser(self._part(RecogniserOptions), self.agent_options, self.translator)

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

    def _part(self, options_class: type[Options]) -> Options:
        return next(part for part in self.parts if isinstance(part, options_class))


def configure_agent(
    values: Mapping[str, Any],
    place: str | Path,
    overrides: Mapping[str, Sequence[str]] | None = None,
    others: Sequence[type] = (),
) -> tuple[AgentConfiguration, list[Any]]:
    """The agent that keys with values describe, and an object of each of the classes `others`.

    place: where the values come from. overrides: flags of the command line, as words, that replace values.
    Raises InputError that names the place, or the command line, and the key.
    """
    values, overrides = dict(values), dict(overrides or {})
    if "agent" in overrides:
        values["agent"] = " ".join(overrides.pop("agent"))
    agent = values.pop("agent", None)
    with named_place(place):
        if not isinstance(agent, str):
            meant = difflib.get_close_matches("agent", values, n=1)
            guess = f" ({meant[0]!r} is no key: did you mean 'agent'?)" if meant else ""
            raise InputError(
                f"agent is missing{guess}: name one of agents/, or give the path of an agent file (.py)"
            )
        agent_class = find_agent(agent)
        classes = (*others, *agents.streaming_agent.SHARED_OPTIONS, agent_class.policy_class)
        options = _all_options(classes)
        typed = {name: typed_value(value, _option(options, name, agent)) for name, value in values.items()}
        given = {**agent_class.defaults, **typed}
    with named_place("command line"):
        for name, words in overrides.items():
            option = _option(options, name, agent)
            given[name] = typed_value(parse_words(words, option), option)
    with named_place(place):
        made = [_make(options_class, given) for options_class in classes]
    configuration = AgentConfiguration(agent, agent_class, tuple(made[len(others) :]))
    with named_place(place):
        _ = configuration.recogniser  # what cannot be is said now
    return configuration, made[: len(others)]


def configure_recogniser(
    options: RecogniserOptions, agent: AgentOptions, translator: TranslatorOptions
) -> Recogniser | None:
    """What a cascade recognises with; None where there is no recogniser.

    agent, translator: of the cascade. Raises InputError for options that the recogniser does not have.
    """
    if options.recogniser is None:
        return None
    with named_place(PLACE):
        values = recogniser_values(options, agent.source_language, agent.chunk_ms, translator.device)
    found, _ = configure_agent(values, PLACE)
    own = found.agent_class.own_behaviour()
    if own:
        raise InputError(
            f"agent {found.agent} has its own {', '.join(own)}, which a cascade does not ask: give another "
            "recogniser_agent"
        )
    return Recogniser(options.recogniser, found.translator, found.search, found.policy)


@contextmanager
def named_place(place: str | Path) -> Iterator[None]:
    """Puts `place` in front of the message of an InputError."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


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


def _option(options: Mapping[str, Option], name: str, agent: str) -> Option:
    if name in options:
        return options[name]
    owners = [other for other in agent_names() if name in options_of(find_agent(other).policy_class)]
    if owners:
        raise InputError(
            f"there is no option {name!r} of agent {agent}, for it is one of {', '.join(owners)}: leave it "
            "out, or give another agent"
        )
    raise unknown_name("option", name, [*options, "agent"], "`simulst options` lists them all")


def _make(options_class: type, given: Mapping[str, Any]) -> Any:
    return options_class(**{name: given[name] for name in options_of(options_class) if name in given})
