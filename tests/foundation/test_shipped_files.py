"""Evaluation files that ship are found from any folder; files of the user's come first."""

from pathlib import Path

import pytest

from evaluation.configuration.evaluation_file import load_configuration
from evaluation.sweeps.plan import load_plan
from foundation.errors import InputError
from foundation.files.shipped_files import ROOT, shipped_configuration, shipped_file

LIST = "eval_configs/quickstart_de/source.txt"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_shipped_path_is_that_of_the_toolkit():
    assert shipped_file(LIST) == f"{ROOT}/{LIST}"


def test_a_file_of_that_name_here_comes_first(elsewhere):
    Path(LIST).parent.mkdir(parents=True)
    Path(LIST).write_text("mine.wav\n")
    assert shipped_file(LIST) == LIST


@pytest.mark.parametrize("path", ["eval_configs/none.txt", "README.md", "/eval_configs/reina.yaml", ""])
def test_other_paths_stay_as_they_are(path):
    assert shipped_file(path) == path


def test_a_configuration_is_found_by_its_name():
    assert shipped_configuration("reina") == f"{ROOT}/eval_configs/reina.yaml"
    assert shipped_configuration("eval_configs/reina.yaml") == f"{ROOT}/eval_configs/reina.yaml"
    assert shipped_configuration("quickstart", "sweeps") == f"{ROOT}/eval_configs/sweeps/quickstart.yaml"
    assert shipped_configuration("nothing") == "nothing"
    with pytest.raises(InputError, match="^reiner is neither a file .* ships: did you mean 'reina'"):
        shipped_configuration("reiner")


def test_a_folder_called_like_a_configuration_does_not_hide_it(elsewhere):
    (elsewhere / "reina").mkdir()
    assert shipped_configuration("reina") == f"{ROOT}/eval_configs/reina.yaml"


def test_lists_of_a_shipped_configuration_are_those_of_the_toolkit():
    configuration = load_configuration("reina")
    assert configuration.evaluation.source == f"{ROOT}/{LIST}"
    assert configuration.evaluation.output == "outputs/reina"


def test_a_shipped_sweep_is_planned_from_anywhere():
    [source] = {run.configuration.evaluation.source for run in load_plan("quickstart", "out", {}).runs}
    assert Path(source).is_file()
