"""The dispatcher: help, exit status, and one line for each error."""

import sys
import time

import pytest

import simulst
from models.errors import InputError
from tests.evaluation.tiny_evaluation import run_command


@pytest.fixture
def command(monkeypatch):
    """command(function) becomes `simulst try`."""

    def install(function):
        module = type(sys)("a_command")
        module.main = function
        monkeypatch.setitem(sys.modules, "a_command", module)
        monkeypatch.setitem(simulst.COMMANDS, "try", ("a_command", "for tests"))

    return install


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_lists_all_commands(arguments, capsys):
    assert simulst.main(arguments) == 0
    text = capsys.readouterr().out
    assert all(f"  {name}  " in text and summary in text for name, (_, summary) in simulst.COMMANDS.items())


def test_help_does_not_wait_for_torch():
    started = time.monotonic()
    run = run_command("simulst", "--help")
    assert run.returncode == 0 and run.stdout.startswith("usage: simulst")
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("name", simulst.COMMANDS)
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as stop:
        simulst.main([name, "--help"])
    assert stop.value.code == 0
    assert f"simulst {name}" in capsys.readouterr().out


def test_command_gets_the_words_behind_its_name(command):
    given = []
    command(given.extend)
    assert simulst.main(["try", "a", "--b"]) == 0
    assert given == ["a", "--b"]


def test_unknown_command_is_wrong_usage(capsys):
    assert simulst.main(["evalute"]) == 2
    assert capsys.readouterr().err == "error: there is no command 'evalute': did you mean 'evaluate'?\n"
    assert simulst.main(["xyz"]) == 2
    assert "give one of evaluate, " in capsys.readouterr().err


def test_missing_argument_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as stop:
        simulst.main(["evaluate"])
    assert stop.value.code == 2
    assert "CONFIG.yaml" in capsys.readouterr().err


def test_input_error_is_one_line_and_status_1(command, capsys):
    def fail(arguments):
        raise InputError("beam must be 1 or more, got 0")

    command(fail)
    assert simulst.main(["try"]) == 1
    assert capsys.readouterr().err == "error: beam must be 1 or more, got 0\n"


def test_interruption_is_status_130(command, capsys):
    def interrupt(arguments):
        raise KeyboardInterrupt

    command(interrupt)
    assert simulst.main(["try"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_process_ends_with_status_1_and_no_traceback(tmp_path):
    run = run_command("simulst", "evaluate", tmp_path / "none.yaml")
    assert run.returncode == 1
    assert run.stderr.startswith("error: ") and run.stderr.count("\n") == 1
