"""simulst translate FILE... [--to LANGUAGE] [--format FORMAT] [--output PATH] [--KEY VALUE ...]
simulst translate --microphone

Words are written while the source is heard: on a terminal as lines of text with times (`agents.live.screen`),
to a pipe as a line for each word, to a file, or as subtitles or JSON (`agents.live.formats`).
"""

from collections.abc import Mapping, Sequence

from agents.live.loading import configure_live
from agents.live.output import output_paths
from agents.live.translate_arguments import TranslateArguments
from foundation.commands import load
from models.sound.audio_source import AudioSource, open_source
from models.sound.microphone import Microphone

PLACE = "command line"
# Formats that say when something was spoken, which costs the computation of attention.
TIMED = ("srt", "vtt", "json")


def run(options: TranslateArguments, keys: Mapping[str, Sequence[str]]) -> None:
    """`simulst translate`. keys: the words behind each flag that is an option of the agent.

    Sources are opened, and all options checked, before torch is imported. Raises InputError for what cannot
    be used; of several sources the others are translated first where one turns out to be silent.
    """
    values = {
        "agent": options.agent,
        "model": options.model,
        "source_language": options.from_,
        "target_language": options.to,
    }
    configuration = configure_live(values, PLACE, keys)
    sources = _sources(options)
    names = ["microphone"] if options.microphone else options.files
    outputs = output_paths(names, options.output, options.format, options.overwrite)
    translator = load("agents.live.loading:load_live")(configuration, options.format in TIMED)
    session = load("agents.live.session:Session")(translator, options.format, options.realtime)
    session.translate(sources, outputs)


def _sources(options: TranslateArguments) -> list[AudioSource]:
    if options.microphone:
        return [Microphone(options.input_device)]
    return [open_source(file) for file in options.files]
