"""Simultaneous speech translation from Python.

    import simulst
    translator = simulst.load(agent="reina", target_language="de")
    for word in translator.stream("talk.m4a"):
        print(word.text, word.written_s)

`load` gives a translator for any number of sources, `evaluate` the scores of a test set. Importing this
package imports nothing else: model libraries come with the first call. Whatever you give that cannot be used
raises `InputError`, whose message says what, where, and how to mend it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.live.stream import TranslationStream as TranslationStream
    from agents.live.translator import LiveTranslator as LiveTranslator
    from agents.live.word import Word as Word
    from evaluation.metrics.scores import Scores as Scores
    from foundation.errors import InputError as InputError
    from simulst.commands import COMMANDS as COMMANDS
    from simulst.commands import main as main

__all__ = ["InputError", "LiveTranslator", "Scores", "TranslationStream", "Word", "evaluate", "load"]

# Where names come from that are imported when they are asked for; COMMANDS and main are of the command line.
_MODULES = {
    "COMMANDS": "simulst.commands",
    "InputError": "foundation.errors",
    "LiveTranslator": "agents.live.translator",
    "Scores": "evaluation.metrics.scores",
    "TranslationStream": "agents.live.stream",
    "Word": "agents.live.word",
    "main": "simulst.commands",
}


def load(
    agent: str | None = None,
    *,
    model: str | None = None,
    source_language: str | None = None,
    target_language: str | None = None,
    times: bool = False,
    **options: Any,
) -> LiveTranslator:
    """An agent in memory, ready to translate while it hears.

    agent: one of agents/ by name, or the path of an agent file; default: reina on its shipped model, alignatt
    where a model is named. model: a folder, checkpoint file or name; default: the agent's. Languages are
    codes or English names; default: the agent's, English to German on shipped models. times: words say where
    in the audio they were heard (`Word.heard_s`), which costs some computation. options: any key of agents in
    OPTIONS.md, such as `beam=3`, `threshold=-1.0` or `device="cuda"`; `history` is "pauses" unless you say
    otherwise, so that speech may last hours.

    Raises InputError for a key, value, model or language that cannot be used.
    """
    from foundation.commands import load as imported  # in silence: libraries warn of what we do not use

    configure_live = imported("agents.live.loading:configure_live")
    load_live = imported("agents.live.loading:load_live")
    given = {"agent": agent, "model": model}
    languages = {"source_language": source_language, "target_language": target_language}
    return load_live(configure_live({**given, **languages, **options}, "simulst.load"), times)


def evaluate(
    configuration: str | Path | Mapping[str, Any],
    *,
    output: str | Path | None = None,
    overwrite: bool = False,
    jobs: int = 1,
    **options: Any,
) -> Scores:
    """Run an agent over a test set, and score it: `simulst evaluate` without its table.

    configuration: the path of an evaluation file, the name of one that ships ("reina"), or its keys with
    values. output: the folder of results, which must not be there unless overwrite is true; default:
    outputs/NAME, and outputs/evaluation for keys with values. jobs: processes, of the engine batched.
    options: keys of OPTIONS.md that replace those of the configuration.

    Returns `Scores`: `values` by name, latencies in ms as SimulEval has them, and `signatures`, which say how
    each was computed. Raises InputError for anything that cannot be used.
    """
    from foundation.commands import load as imported

    configure = imported("evaluation.configuration.evaluation_file:configure")
    read_values = imported("evaluation.configuration.evaluation_file:read_values")
    if isinstance(configuration, Mapping):
        place, values = "simulst.evaluate", {"output": "outputs/evaluation", **configuration}
    else:
        place, values = read_values(configuration)
    if output is not None:
        values["output"] = str(output)
    whole = configure({**values, **options}, place)
    return imported("evaluation.run.evaluate:evaluate")(whole, overwrite, jobs)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
