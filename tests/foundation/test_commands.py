"""The dispatcher: help, exit status, and one line for each error."""

import errno
import sys
from dataclasses import dataclass

import pytest

from foundation.commands import Command, CommandGroup, dispatch
from foundation.errors import InputError
from foundation.options import REQUIRED, option


@dataclass(frozen=True)
class TryOptions:
    count: int = option(REQUIRED, "how many", at_least=1)


@dataclass(frozen=True)
class FileOptions:
    file: str = option(REQUIRED, "a file", positional=True, metavar="FILE")
    jobs: int = option(1, "how many", at_least=1)


def work(function):
    """Commands whose work is `function`: `try` with options, `words` without, `keys` with keys."""
    module = type(sys)("tests_of_commands")
    module.work, module.Options, module.FileOptions = function, TryOptions, FileOptions
    sys.modules[module.__name__] = module
    module.inner = {"try": Command("try it", "tests_of_commands:work", "tests_of_commands:Options")}
    return {
        **module.inner,
        "words": Command("take words", "tests_of_commands:work"),
        "keys": Command(
            "take keys", "tests_of_commands:work", "tests_of_commands:FileOptions", takes_keys=True
        ),
        "group": CommandGroup("more", "tests_of_commands:inner"),
        "slow": Command("be slow", "no_such_module:work", "tests_of_commands:Options"),
    }


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_lists_all_commands(arguments, capsys):
    assert dispatch("simulst", work(print), arguments) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: simulst COMMAND ...\n") and "\n  group  more\n" in shown


def test_work_gets_options_words_or_keys():
    given = []
    commands = work(lambda *values: given.append(values))
    assert dispatch("simulst", commands, ["try", "--count", "3"]) == 0
    assert dispatch("simulst", commands, ["words", "a", "--b"]) == 0
    assert dispatch("simulst", commands, ["keys", "f", "--jobs", "2", "--beam", "3", "--no-x"]) == 0
    assert dispatch("simulst", commands, ["group", "try", "--count=4"]) == 0
    assert given == [
        (TryOptions(3),),
        (["a", "--b"],),
        (FileOptions("f", 2), {"beam": ["3"], "no_x": []}),
        (TryOptions(4),),
    ]


def test_work_is_imported_only_after_the_arguments_were_checked(capsys):
    commands = work(print)
    with pytest.raises(SystemExit) as stop:
        dispatch("simulst", commands, ["slow", "--help"])
    assert stop.value.code == 0
    assert dispatch("simulst", commands, ["slow", "--count", "0"]) == 1
    assert capsys.readouterr().err == "error: --count must be at least 1, got 0\n"
    with pytest.raises(ModuleNotFoundError):
        dispatch("simulst", commands, ["slow", "--count", "1"])


def test_help_of_a_command_in_a_group_has_its_whole_name(capsys):
    with pytest.raises(SystemExit):
        dispatch("simulst", work(print), ["group", "try", "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith("usage: simulst group try [-h] --count COUNT") and "\nTry it.\n" in shown


def test_help_of_a_command_that_takes_keys_says_so(capsys):
    with pytest.raises(SystemExit) as stop:
        dispatch("simulst", work(print), ["keys", "--beam", "3", "--help"])
    assert stop.value.code == 0
    assert "FILE [--KEY VALUE ...]" in " ".join(capsys.readouterr().out.split())


def test_unknown_command_is_wrong_usage(capsys):
    assert dispatch("simulst", work(print), ["wrds"]) == 2
    assert capsys.readouterr().err == "error: there is no command 'wrds': did you mean 'words'?\n"
    assert dispatch("simulst", work(print), ["group", "xyz"]) == 2
    assert capsys.readouterr().err == "error: there is no command 'xyz': give one of try\n"


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (InputError("beam must be 1 or more, got 0"), 1, "error: beam must be 1 or more, got 0\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x/y"),
            1,
            "error: /x/y: No space left on device\n",
        ),
    ],
)
def test_errors_are_one_line_each(error, status, line, capsys):
    def fail(_):
        raise error

    assert dispatch("simulst", work(fail), ["words"]) == status
    assert capsys.readouterr().err == line


def test_an_interrupted_command_says_whether_it_continues(capsys):
    def stop(_):
        raise KeyboardInterrupt

    commands = {**work(stop), "go": Command("go on", "tests_of_commands:work", continues=True)}
    assert dispatch("simulst", commands, ["go"]) == 130
    assert capsys.readouterr().err == "interrupted: the same command continues\n"


def test_version(capsys):
    assert dispatch("simulst", work(print), ["--version"], version="simulst 1") == 0
    assert capsys.readouterr().out == "simulst 1\n"
