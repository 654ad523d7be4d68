"""Packages of others under the names of ours: the commands work beside them, the rest tells in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AGENT = ROOT / "agents" / "waitk_agent.py"
STOP = "raise SystemExit('a file of the user ran')\n"


def run(folder, *words, path=(ROOT,)):
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def crowded(tmp_path):
    """A user's folder with train.py, agents.py and a package models."""
    folder = tmp_path / "mine"
    (folder / "models").mkdir(parents=True)
    for name in ("train.py", "agents.py", "models/__init__.py"):
        (folder / name).write_text(STOP)
    return folder


def package(folder, name="agents"):
    """A package of that name in a folder that Python installs into."""
    package = folder / "site-packages" / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(STOP)
    return folder / "site-packages"


def console_script(folder):
    """What an installer makes of simulst: a file in a folder of commands, which Python looks into first."""
    script = folder / "bin" / "simulst"
    script.parent.mkdir()
    script.write_text("import sys\nfrom simulst import main\nsys.exit(main())\n")
    return script


def test_the_command_works_beside_files_of_the_user(crowded, tmp_path):
    found = run(crowded, console_script(tmp_path), "--help")
    assert found.returncode == 0, found.stderr
    assert "usage: simulst COMMAND" in found.stdout


def test_the_command_as_a_module_works_there_too(crowded):
    found = run(crowded, "-m", "simulst", "nose", "--help")
    assert found.returncode == 0, found.stderr
    assert "usage: simulst nose" in found.stdout


def test_a_module_of_training_tells_which_file_hides_ours(tmp_path):
    (tmp_path / "models.py").write_text(STOP)
    found = run(tmp_path, "-m", "train.stage1", "OUT")
    assert found.returncode == 1
    [line] = found.stderr.splitlines()
    assert f"{tmp_path / 'models.py'} hides the package 'models' of simulst-agents" in line
    assert "rename it, or take" in line


def test_an_agent_file_tells_which_file_hides_ours(crowded):
    found = run(crowded, "-m", "simuleval.cli", "--agent", AGENT)
    assert found.returncode == 1 and "Traceback" not in found.stderr
    hidden = f"error: {crowded / 'models'} hides the package 'models' of simulst-agents"
    assert found.stderr.splitlines()[-1].startswith(hidden)


def test_a_package_of_another_distribution_is_told_by_its_name(tmp_path):
    other = package(tmp_path)
    (other / "other_agents-1.0.dist-info").mkdir()
    (other / "other_agents-1.0.dist-info" / "METADATA").write_text("Name: other-agents\nVersion: 1.0\n")
    (other / "other_agents-1.0.dist-info" / "top_level.txt").write_text("agents\n")
    found = run(tmp_path, "-m", "simulst", "--help", path=(other, ROOT))
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == (
        f"error: {other / 'agents'} hides the package 'agents' of simulst-agents, which lies in {ROOT}: "
        "it is of other-agents, so install them into different environments\n"
    )


def test_a_package_that_was_installed_over_ours_is_told(tmp_path):
    """Two distributions in one folder share its packages, and the later one's __init__.py stays."""
    together = package(tmp_path)
    for name in ("foundation", "simulst"):
        (together / name).mkdir()
    for file in [*(ROOT / "foundation").glob("*.py"), *(ROOT / "simulst").glob("*.py")]:
        (together / file.relative_to(ROOT)).write_text(file.read_text(encoding="utf-8"))
    found = run(tmp_path, "-m", "simulst", "--help", path=(together,))
    assert found.returncode == 1
    assert found.stderr == (
        f"error: another distribution has replaced {together / 'agents' / '__init__.py'} of simulst-agents: "
        "install them into different environments\n"
    )


def test_a_folder_of_data_hides_nothing(tmp_path):
    (tmp_path / "models").mkdir()
    found = run(tmp_path, "-c", "import models; print(models.__file__)")
    assert found.stdout == f"{ROOT / 'models' / '__init__.py'}\n"


def test_each_package_says_whose_it_is():
    """Which is how a replaced one is known."""
    for folder in ("foundation", "models", "agents", "train", "evaluation", "serve"):
        if (ROOT / folder).exists():
            assert "simulst-agents" in (ROOT / folder / "__init__.py").read_text(encoding="utf-8"), folder
            assert (ROOT / folder / "py.typed").exists(), folder
