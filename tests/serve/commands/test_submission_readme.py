"""README, "Submit to a shared task": its commands, as its reader types them."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
import time

import pytest
import yaml

from serve.container.healthy import is_healthy
from simulst import main
from tests.evaluation.tiny_evaluation import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README.split("### Submit to a shared task\n")[1].split("\n### ")[0]
LINES = [
    line for block in re.findall(r"```bash\n(.*?)```", SECTION, re.DOTALL) for line in block.splitlines()
]
MADE = "outputs/reina-submission"
STARTS_IN_S = 200  # on a busy machine


def test_the_section_has_the_commands_that_are_tested_here():
    assert [line.split()[0] for line in LINES] == ["simulst", "docker", "docker", "docker", "cd"]


def test_profiles_and_images_are_those_of_compose():
    compose = yaml.safe_load((ROOT / "serve/container/compose.yaml").read_text(encoding="utf-8"))
    profiles = {name for service in compose["services"].values() for name in service["profiles"]}
    images = {service["image"] for service in compose["services"].values()}
    docker = [line for line in LINES if line.startswith("docker")]
    assert {name for line in docker for name in re.findall(r"--profile (\w+)", line)} <= profiles
    assert set(re.findall(r"docker save (\S+)", "\n".join(docker))) <= images


def test_commands_run_one_after_another(tmp_path, unused_port, capsys, monkeypatch):
    """Some 20 s, half of which is the start of a server."""
    if importlib.util.find_spec("simulstream") is None:
        pytest.skip("simulstream is not installed: pip install -e '.[serve]'")
    out = tmp_path / "submission"
    monkeypatch.chdir(ROOT)
    assert main([*shlex.split(LINES[0])[1:], "--output", str(out)]) == 0
    printed = capsys.readouterr().out
    # Docker is told what the README says; nothing runs it here.
    for line in LINES[1:4]:
        assert line.replace(MADE, str(out)) in printed
    folder, _, server = LINES[4].removeprefix("cd ").replace(MADE, str(out)).partition(" && ")
    words = shlex.split(server.replace("python", sys.executable, 1))
    with open(tmp_path / "server.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*words, "--port", str(unused_port)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=log,
        )
    try:
        until = time.monotonic() + STARTS_IN_S
        while not is_healthy(unused_port):
            assert process.poll() is None and time.monotonic() < until, (tmp_path / "server.log").read_text()
            time.sleep(0.5)
    finally:
        process.terminate()
        assert process.wait(20) == 143
