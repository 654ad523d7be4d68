"""What is installed is all of it: a wheel, unpacked elsewhere, runs the quickstart from an empty folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.evaluation.tiny_evaluation import write_tiny_evaluation

ROOT = Path(__file__).parents[1]
FOLDERS = ("simulst", "foundation", "models", "agents", "train", "evaluation", "serve", "eval_configs")
BUILD = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"
COMMAND = "#!{python}\nimport sys\nfrom simulst import main\nsys.exit(main())\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy: setuptools leaves its traces in the folder."""
    copy, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    for name in FOLDERS:
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, copy / name)  # with __pycache__, as in a folder that was worked in
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    run = subprocess.run([sys.executable, "-c", BUILD, out], cwd=copy, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    [file] = out.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder with site-packages and bin/simulst, as installers make them."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site-packages")
    (folder / "bin").mkdir()
    (folder / "bin" / "simulst").write_text(COMMAND.format(python=sys.executable), encoding="utf-8")
    return folder


def simulst(installed, folder, *words):
    run = subprocess.run(
        [sys.executable, installed / "bin" / "simulst", *map(str, words)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed / "site-packages"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_every_file_of_the_packages_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *FOLDERS],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    assert packed == {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}


def test_a_shipped_evaluation_runs_by_name_from_an_empty_folder(installed, tmp_path):
    told = simulst(installed, tmp_path, "evaluate", "reina", "--start-index", "1", "--end-index", "2")
    assert "Zwei Kinder spielen" in told
    assert [file.name for file in tmp_path.iterdir()] == ["outputs"]
    said = (tmp_path / "outputs" / "reina" / "evaluation.yaml").read_text(encoding="utf-8")
    assert f"source: {installed}/site-packages/eval_configs/quickstart_de/source.txt" in said


def test_a_shipped_sweep_ends_with_its_report(installed, tmp_path):
    model = write_tiny_evaluation(tmp_path).parent / "model"
    empty = tmp_path / "empty"
    empty.mkdir()
    flags = ["--end-index", "2", "--model", model, "--output", "sweep"]
    simulst(installed, empty, "sweep", "eval_configs/sweeps/quickstart.yaml", *flags)
    assert "</html>" in (empty / "sweep" / "report.html").read_text(encoding="utf-8")
