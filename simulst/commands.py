"""The console command: `simulst COMMAND ...`, the one entry to everything (`foundation.commands`).

A command's options stand in a module that is quick to import, its work in another, which is imported once
the options were checked. Exit status: 0 done, 1 input error, 2 wrong usage, 130 interrupted,
143 terminated.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

# Refuses to go on with packages of others under our names.
from foundation.commands import Command, CommandGroup, dispatch
from train.commands import AUGMENT, COMPOSE, EXPORT, HEADS

COMMANDS: dict[str, Command | CommandGroup] = {
    "translate": Command(
        "translate files, standard input or a microphone while they are heard",
        "agents.live.translate:run",
        "agents.live.translate_arguments:TranslateArguments",
        takes_keys=True,
    ),
    "evaluate": Command(
        "run an agent over a test set and print its scores",
        "evaluation.commands.evaluate:run",
        "evaluation.commands.evaluate_arguments:EvaluateArguments",
        takes_keys=True,
    ),
    "sweep": Command(
        "run systems at many settings, and draw and score their curves",
        "evaluation.commands.sweep:run",
        "evaluation.commands.sweep_arguments:SweepArguments",
        takes_keys=True,
    ),
    "calibrate": Command(
        "find the setting of a policy that meets a latency",
        "evaluation.commands.calibrate:run",
        "evaluation.commands.calibrate_arguments:CalibrateArguments",
        takes_keys=True,
    ),
    "compare": Command(
        "compare two runs, or two sweeps, with p-values",
        "evaluation.commands.compare:run",
        "evaluation.commands.compare_arguments:CompareArguments",
    ),
    "submission": Command(
        "prepare a submission to a shared task: logs, checks, image",
        "serve.commands.submission:run",
        "serve.commands.submission_arguments:SubmissionArguments",
        takes_keys=True,
        continues=True,
    ),
    "serve": Command(
        "serve live captions to browsers and programs, many at once on one model",
        "serve.commands.serve:run",
        "serve.commands.serve_arguments:ServeArguments",
        takes_keys=True,
    ),
    "nose": Command(
        "score quality/latency curves by NoSE",
        "evaluation.commands.nose:run",
        "evaluation.commands.nose_arguments:NoseArguments",
    ),
    "export-scoring": Command(
        "write the texts of a run for XCOMET, which has an environment of its own",
        "evaluation.commands.export_scoring:run",
        "evaluation.commands.export_scoring_arguments:ExportScoringArguments",
    ),
    "import-scoring": Command(
        "take scores of such texts into the tables of a run",
        "evaluation.commands.import_scoring:run",
        "evaluation.commands.import_scoring_arguments:ImportScoringArguments",
    ),
    "options": Command(
        "list all keys of an evaluation file",
        "evaluation.commands.options:run",
        "evaluation.commands.options_arguments:OptionsArguments",
    ),
    "prepare": CommandGroup("make training data of raw corpora", "train.commands:PREPARE"),
    "heads": HEADS,
    "compose": COMPOSE,
    "augment": AUGMENT,
    "train": CommandGroup("train a translator, a policy or an audio-language model", "train.commands:TRAIN"),
    "export": EXPORT,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    return dispatch("simulst", COMMANDS, words, _version())


def _version() -> str:
    try:
        return f"simulst-agents {version('simulst-agents')}"
    except PackageNotFoundError:
        return "simulst-agents, not installed: run from its folder"
