"""The console command: `simulst COMMAND ...`. Each command lives in its own folder.

A command is a module with `main(arguments)`. It raises InputError for whatever the user has to mend,
which is printed as one line. Exit status: 0 done, 1 input error, 2 wrong usage, 130 interrupted.
"""

import importlib
import sys
import warnings
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

if __name__ == "__main__" and sys.path[0] == str(Path.cwd()) != str(Path(__file__).parent):
    # `python -m simulst` and `torchrun -m simulst` shall not import a train.py of the user's either.
    del sys.path[0]

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from models.errors import InputError

COMMANDS = {
    "evaluate": ("evaluation.evaluate", "run an agent over a test set and print its scores"),
    "sweep": ("evaluation.sweep", "run systems at many settings, and draw and score their curves"),
    "calibrate": ("evaluation.calibrate_command", "find the setting of a policy that meets a latency"),
    "compare": ("evaluation.compare_command", "compare two runs, or two sweeps, with p-values"),
    "export": ("train.export_command", "make a model folder of a training run"),
    "nose": ("evaluation.nose_command", "score quality/latency curves by NoSE"),
    "options": ("evaluation.option_table", "list all keys of an evaluation file"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    name, *rest = given or ["--help"]
    if name in ("-h", "--help"):
        print(_usage())
        return 0
    if name not in COMMANDS:
        close = get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"give one of {', '.join(COMMANDS)}"
        print(f"error: there is no command {name!r}: {hint}", file=sys.stderr)
        return 2
    with warnings.catch_warnings():
        # Of pydub, which SimulEval imports: Python 3.12 shows the first until it has compiled that once, and
        # we convert nothing by ffmpeg.
        warnings.filterwarnings("ignore", "invalid escape sequence", SyntaxWarning)
        warnings.filterwarnings("ignore", "Couldn't find ffmpeg", RuntimeWarning)
        # Imported only now: torch takes seconds, and --help needs none of it.
        module = importlib.import_module(COMMANDS[name][0])
    try:
        module.main(rest)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {summary}" for name, (_, summary) in COMMANDS.items()]
    return "\n".join(["usage: simulst COMMAND ...", "", *lines, "", "simulst COMMAND --help tells more."])


if __name__ == "__main__":
    sys.exit(main())
