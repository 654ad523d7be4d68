"""The commands are found, explain themselves, and answer bad input with one line."""

import subprocess
import sys

import pytest

from train.commands import PREPARE
from train.prepare import main


@pytest.mark.parametrize("command", PREPARE)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: python -m train.prepare {command} ")
    assert "--output" in shown


def test_all_commands_are_listed(capsys):
    assert main([]) == main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {command} " in shown for command in PREPARE)


def test_an_unknown_command_is_answered_with_the_nearest(capsys):
    assert main(["covost"]) == 2
    assert "did you mean 'covost2'?" in capsys.readouterr().err
    assert main(["xyz"]) == 2
    assert "give one of table, mustc" in capsys.readouterr().err


def test_bad_input_is_one_line_and_status_one(tmp_path, capsys):
    arguments = ["--manifest", "none.tsv", "--language", "en", "--voices", "flite", "--output", "out"]
    assert main(["speak", *arguments]) == 1
    assert capsys.readouterr().err == "error: none.tsv: no such manifest: correct the path\n"


def test_joining_is_also_a_module_of_its_own(tmp_path):
    arguments = ["--table", "none.tsv", "--text", "en", "--output", str(tmp_path / "out")]
    run = subprocess.run(
        [sys.executable, "-m", "train.join_segments", *arguments], capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (1, "error: none.tsv: no such file: correct the path\n")
