"""README, "Submit to a shared task": its commands, as its reader types them."""

import importlib.util
import re
import shlex

import pytest
import yaml

from serve.container.start import main as start
from simulst import main
from tests.evaluation.tiny_evaluation import ROOT
from tests.serve.container.dockerfile import read_dockerfile

README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README.split("### Submit to a shared task\n")[1].split("\n### ")[0]
LINES = [
    line for block in re.findall(r"```bash\n(.*?)```", SECTION, re.DOTALL) for line in block.splitlines()
]
MADE = "outputs/reina-submission"
DOCKERFILE = ROOT / "serve" / "container" / "Dockerfile"


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
    """Some 10 s: three recordings, each by a SimulEval of its own."""
    if importlib.util.find_spec("simulstream") is None:
        pytest.skip("simulstream is not installed: pip install -e '.[serve]'")
    out = tmp_path / "submission"
    monkeypatch.chdir(ROOT)
    assert main([*shlex.split(LINES[0])[1:], "--output", str(out)]) == 0
    printed = capsys.readouterr().out
    # Docker is told what the README says; nothing runs it here.
    for line in LINES[1:4]:
        assert line.replace(MADE, str(out)) in printed
    # The image's own entry point, which tests/serve/container starts as a process, up to its first request.
    folder, _, server = LINES[4].removeprefix("cd ").replace(MADE, str(out)).partition(" && ")
    [entry_point] = [one for one in read_dockerfile(DOCKERFILE) if one.name == "ENTRYPOINT"]
    assert shlex.split(server) == entry_point.words
    monkeypatch.chdir(folder)
    monkeypatch.setattr("serve.container.start.ThreadingHTTPServer.serve_forever", lambda self: None)
    assert start([*entry_point.words[3:], "--port", str(unused_port), "--device", "cpu"]) == 0
    assert capsys.readouterr().out == f"serving processor.yaml on port {unused_port}, by cpu\n"
