"""The one entry: every command is there, and its help is quick."""

import importlib.util
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import simulst
from foundation.commands import Command, CommandGroup, load
from foundation.options import options_of
from tests.evaluation.tiny_evaluation import run_command

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "fairseq2", "simuleval", "transformers", "numpy")

# In a fresh process: the help of every command, and which heavy modules it brought.
ALL_HELP = """
import contextlib, io, json, sys
import simulst

commands, heavy = json.loads(sys.argv[1])
found = {}
for words in commands:
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        try:
            simulst.main([*words, "--help"])
        except SystemExit as stop:
            assert stop.code == 0, words
    found[" ".join(words)] = [shown.getvalue(), [name for name in heavy if name in sys.modules]]
print(json.dumps(found))
"""


def all_commands(commands=simulst.COMMANDS, before=()) -> list[list[str]]:
    """The words of every command, those of groups too."""
    found = []
    for name, command in commands.items():
        if isinstance(command, CommandGroup):
            found += all_commands(load(command.commands), (*before, name))
        else:
            found.append([*before, name])
    return found


def command_of(words: list[str]) -> Command:
    commands = simulst.COMMANDS
    for name in words[:-1]:
        commands = load(commands[name].commands)
    return commands[words[-1]]


def processor_s() -> float:
    """What finished child processes have computed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture(scope="module")
def helps():
    words = json.dumps([all_commands(), HEAVY])
    run = subprocess.run(
        [sys.executable, "-c", ALL_HELP, words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("words", all_commands(), ids=" ".join)
def test_help_of_every_command_brings_nothing_heavy(words, helps):
    shown, heavy = helps[" ".join(words)]
    assert shown.startswith(f"usage: simulst {' '.join(words)} ")
    assert heavy == []


@pytest.mark.parametrize("words", all_commands(), ids=" ".join)
def test_the_work_of_every_command_is_where_its_table_says(words):
    command = command_of(words)
    module, _, function = command.run.partition(":")
    source = Path(importlib.util.find_spec(module).origin).read_text(encoding="utf-8")
    assert f"\ndef {function}(" in source
    if command.options is not None:
        options_of(load(command.options))


@pytest.mark.parametrize(
    "words",
    [["--help"], ["evaluate", "--help"], ["prepare", "encode", "--help"], ["train", "stage1", "--help"]],
)
def test_help_is_there_in_a_blink(words):
    """0.1 to 0.3 s; counted is the processor's time, for others may be at work on the machine."""
    before = processor_s()
    run = run_command("simulst", *words)
    assert run.returncode == 0 and run.stdout.startswith("usage: simulst")
    assert processor_s() - before < 1


def test_a_missing_file_is_refused_before_torch_is_imported(tmp_path):
    before = processor_s()
    run = run_command("simulst", "evaluate", tmp_path / "none.yaml")
    assert run.returncode == 1
    assert run.stderr.startswith("error: ") and run.stderr.count("\n") == 1
    assert processor_s() - before < 1


def test_version_is_that_of_the_distribution():
    run = run_command("simulst", "--version")
    assert (run.returncode, run.stdout.split()[0]) == (0, "simulst-agents")


def test_unknown_command_is_wrong_usage(capsys):
    assert simulst.main(["evalute"]) == 2
    assert capsys.readouterr().err == "error: there is no command 'evalute': did you mean 'evaluate'?\n"
    assert simulst.main(["prepare", "covost"]) == 2
    assert "did you mean 'covost2'?" in capsys.readouterr().err


def test_missing_argument_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as stop:
        simulst.main(["sweep"])
    assert stop.value.code == 2
    assert "CONFIG.yaml" in capsys.readouterr().err
