"""The recogniser of a cascade, as the options of an agent of its own."""

from dataclasses import dataclass
from typing import Any

from agents.cascade.recogniser_options import RecogniserOptions
from agents.history_options import HistoryOptions
from agents.policy import Policy
from foundation.errors import InputError
from foundation.files.yaml_files import parse_scalar
from foundation.options import options_of
from models.decoding.options import SearchOptions
from models.sound.speech_activity_options import SpeechActivityOptions
from models.translator_options import TranslatorOptions

PLACE = "recogniser_options"
# What the cascade itself says, and by which of its options.
FIXED = {
    "agent": "recogniser_agent",
    "model": "recogniser",
    "source_language": "source_language",
    "target_language": "source_language, for it writes what is spoken",
    "chunk_ms": "chunk_ms",
}
# Both halves hear the same window of the same speech.
WHOLE = (RecogniserOptions, SpeechActivityOptions, HistoryOptions)


@dataclass(frozen=True)
class Recogniser:
    """What recognises, before anything is loaded."""

    model: str
    translator: TranslatorOptions
    search: SearchOptions
    policy: Policy


def recogniser_values(
    options: RecogniserOptions, source_language: str, chunk_ms: int, device: str
) -> dict[str, Any]:
    """The agent that recognises, in keys with values as `configure_agent` takes them.

    source_language, chunk_ms, device: the cascade's. Raises InputError for words that are no options, and for
    those that belong to the cascade.
    """
    values: dict[str, Any] = {"device": device}
    given = set()
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
        given.add(name)
        values[name] = parse_scalar(value)
    return values | {
        "agent": options.recogniser_agent,
        "model": options.recogniser,
        "source_language": source_language,
        "target_language": source_language,
        "chunk_ms": chunk_ms,
    }
