"""What `simulst sweep` refuses, in one line and before the first run."""

import os
import shutil

import pytest

from foundation.files.locks import locked
from simulst import main
from tests.evaluation.tiny_evaluation import write_tiny_evaluation
from tests.evaluation.tiny_sweep import write_tiny_sweep


def test_folder_that_is_no_sweep_is_kept(tiny_sweep, tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("precious")
    assert main(["sweep", str(tiny_sweep), "--output", str(tmp_path)]) == 1
    assert "is no sweep, so it is kept as it is" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"source": "none.txt"}, "none.txt"),
        ({"model": "none"}, "model 'none' was not found"),
        ({"quality_metrics": "[BLUE]"}, "there is no quality metric 'BLUE'"),
        ({"end_index": 9}, "lists 3 sentences"),
    ],
)
def test_bad_input_gets_one_line(tmp_path, capsys, keys, message):
    file = write_tiny_sweep(tmp_path, **keys)
    capsys.readouterr()  # transformers may show how it writes the model
    assert main(["sweep", str(file), "--output", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "flags",
    [[], ["--output"], ["--output", "DIR", "--jobs", "one"], ["--output", "DIR", "stray", "--jobs", "x"]],
)
def test_wrong_usage(tiny_sweep, flags):
    with pytest.raises(SystemExit) as stop:
        main(["sweep", str(tiny_sweep), *flags])
    assert stop.value.code == 2


@pytest.mark.parametrize(
    ("systems", "keys", "message"),
    [
        # A model of its own is a group of its own, which would be simulated after the first.
        ("model: {folder}/missing", {}, "missing"),
        ("model: {folder}/other, target_language: xx", {}, "xx"),
        ("model: {folder}/other, target_language: xx", {"engine": "simuleval"}, "xx"),
        ("model: {folder}/other, source: {folder}/none.txt", {}, "none.txt"),
    ],
)
def test_all_systems_are_checked_before_the_first_run(tmp_path, capsys, systems, keys, message):
    write_tiny_evaluation(tmp_path)
    shutil.copytree(tmp_path / "model", tmp_path / "other")
    second = systems.format(folder=tmp_path)
    text = "systems:\n  wait-k: {agent: waitk, k: 2}\n  last: {agent: waitk, k: 2, " + second + "}\n"
    yaml = write_tiny_sweep(tmp_path, text, **keys)
    assert main(["sweep", str(yaml), "--output", str(tmp_path / "sweep")]) == 1
    assert message in capsys.readouterr().err
    assert not list((tmp_path / "sweep").glob("runs/**/instances.log"))
    assert not list((tmp_path / "sweep").glob(".parts/*"))


def test_a_second_sweep_into_one_folder_is_refused(tiny_sweep, tmp_path, capsys):
    with locked(tmp_path / "out"):
        assert main(["sweep", str(tiny_sweep), "--output", str(tmp_path / "out")]) == 1
    refusal = f"error: another process ({os.getpid()}) is writing {tmp_path}/out: wait for it"
    assert capsys.readouterr().err.startswith(refusal)


def test_an_output_that_is_a_file_is_one_line(tiny_sweep, tmp_path, capsys):
    (tmp_path / "out").touch()
    assert main(["sweep", str(tiny_sweep), "--output", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == f"error: output {tmp_path}/out is a file: choose another folder\n"
