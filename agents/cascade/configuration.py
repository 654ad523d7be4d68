"""The recogniser of a cascade, from options that say it in words."""

from agents.cascade.recogniser_options import RecogniserOptions
from agents.configuration.agent_configuration import AgentConfiguration, configure_agent, named_place
from agents.history_options import HistoryOptions
from agents.streaming_agent import AgentOptions
from foundation.errors import InputError
from foundation.files.yaml_files import parse_scalar
from foundation.options import options_of
from models.sound.speech_activity_options import SpeechActivityOptions
from models.translator_options import TranslatorOptions

PLACE = "recogniser_options"
# What the cascade itself says.
FIXED = {
    "agent": "recogniser_agent",
    "model": "recogniser",
    "source_language": "source_language",
    "target_language": "source_language: a recogniser writes what is spoken",
    "chunk_ms": "chunk_ms",
}
# Both halves hear the same window of the same speech.
WHOLE = (RecogniserOptions, SpeechActivityOptions, HistoryOptions)


def configure_recogniser(
    options: RecogniserOptions, agent: AgentOptions, translator: TranslatorOptions
) -> AgentConfiguration | None:
    """The recogniser as an agent of its own; None where there is none.

    agent, translator: of the cascade, which say what is spoken and the device. Raises InputError for options
    that the recogniser does not have, or that belong to the cascade.
    """
    if options.recogniser is None:
        return None
    given = {}
    with named_place(PLACE):
        for word in options.recogniser_options or ():
            name, equals, value = word.partition("=")
            name = name.strip().lstrip("-").replace("-", "_")
            if not equals or not name:
                raise InputError(f"{word!r:.100} is no option: write it as KEY=VALUE, such as beam=3")
            if name in given:
                raise InputError(f"{name} is given twice: leave one of them out")
            if name in FIXED:
                raise InputError(f"{name} of the recogniser is given by {FIXED[name]}: leave it out here")
            if any(name in options_of(one) for one in WHOLE):
                raise InputError(f"{name} is an option of the whole cascade: leave it out here")
            given[name] = parse_scalar(value)
    values = {
        "device": translator.device,
        **given,
        "agent": options.recogniser_agent,
        "model": options.recogniser,
        "source_language": agent.source_language,
        "target_language": agent.source_language,
        "chunk_ms": agent.chunk_ms,
        "history": "none",  # the cascade's own says what both forget
    }
    configuration, _ = configure_agent(values, PLACE)
    own = configuration.agent_class.own_behaviour()
    if own:
        raise InputError(
            f"agent {options.recogniser_agent} has its own {', '.join(own)}, which a cascade does not ask: "
            "give another recogniser_agent"
        )
    return configuration
