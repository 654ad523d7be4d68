"""Which agent a live translation runs, and by which options: checked before torch is imported."""

from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agents.configuration.agent_configuration import AgentConfiguration, configure_agent, named_place
from agents.configuration.model_checks import check_models
from agents.glossary import check_context
from models.languages import check_language_name

if TYPE_CHECKING:  # options are read before torch is imported
    from agents.live.translator import LiveTranslator

# On the shipped model, and on any other: the former asks a trained policy network.
SHIPPED_AGENT, ANY_AGENT = "reina", "alignatt"
# What live translation prefers to the defaults of agents: speech may last hours, and pauses end its
# sentences.
HISTORY = "pauses"


def configure_live(
    values: Mapping[str, Any], place: str, overrides: Mapping[str, Sequence[str]] | None = None
) -> AgentConfiguration:
    """The agent that keys with values describe, those that are None left out.

    place, overrides: see `configure_agent`. Without `agent` it is reina on its shipped model, or alignatt
    where a model is named. Raises InputError for what cannot be, as far as that is known without the model.
    """
    values = {name: value for name, value in values.items() if value is not None}
    given = {*values, *(overrides or {})}
    values.setdefault("agent", usual_agent(given))
    if not {"history", "decode_silence"} & given:
        values["history"] = HISTORY
    configuration, _ = configure_agent(values, place, overrides)
    options = configuration.agent_options
    with named_place(place):
        for language in (options.source_language, options.target_language):
            check_language_name(language)
        check_models(configuration)
        check_context(configuration.history)
    return configuration


def usual_agent(given: Container[str]) -> str:
    """The agent that runs where none is named, by the keys that are given: any model runs alignatt."""
    return ANY_AGENT if "model" in given else SHIPPED_AGENT


def load_live(configuration: AgentConfiguration, with_times: bool = False) -> "LiveTranslator":
    """The agent in memory, which brings torch. Raises InputError as `LiveTranslator`."""
    from agents.live.translator import LiveTranslator

    return LiveTranslator(configuration, with_times)
