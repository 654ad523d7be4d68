"""The README's commands of simulstream, as its reader types them, but for ports that are free."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import yaml

pytest.importorskip("simulstream", reason="simulstream is not installed: pip install -e '.[serve]'")

from tests.evaluation.tiny_evaluation import ROOT
from tests.serve.simulstream_servers import free_port, wait_for_port

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(simulstream_\w+ .*|python -m simulstream\..*)$", README, re.MULTILINE)
START_S = 400  # until a server listens: on a busy machine torch alone takes minutes to import


@pytest.fixture
def folder(tmp_path, wavs) -> Path:
    """Where the commands run, with the list that the README speaks of."""
    (tmp_path / "talks.txt").write_text(f"{wavs[0]}\n", encoding="utf-8")
    return tmp_path


def command(name: str, folder: Path, port: int | None = None) -> list[str]:
    """The words of the README's command of this program, with a server's port replaced."""
    [line] = [line for line in COMMANDS if name in line.split(" --")[0]]
    program, *words = shlex.split(line.replace("8080", str(port)))
    words = [str(ROOT / word) if word.startswith("serve/configs/") else word for word in words]
    for place, word in enumerate(words):
        if Path(word).name in ("server.yaml", "http_server.yaml"):
            settings = yaml.safe_load(Path(word).read_text(encoding="utf-8"))
            words[place] = str(folder / Path(word).name)
            Path(words[place]).write_text(yaml.safe_dump({**settings, "port": port}), encoding="utf-8")
    return [str(Path(sys.executable).with_name(program)), *words]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@contextmanager
def serving(words: list[str], folder: Path, port: int) -> Iterator[None]:
    with open(folder / "server.log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(words, cwd=folder, env=environment(), stdout=log, stderr=log)
    try:
        end_s = time.monotonic() + START_S
        listens = False
        while not listens and time.monotonic() < end_s:
            assert server.poll() is None, (folder / "server.log").read_text(encoding="utf-8")
            with suppress(TimeoutError):
                wait_for_port(port, 1)
                listens = True
        assert listens, (folder / "server.log").read_text(encoding="utf-8")
        yield
    finally:
        server.terminate()
        server.wait(20)


def words_of(log: Path) -> list[str]:
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return "".join("".join(line.get("generated_tokens", [])) for line in lines).split()


def run(words: list[str], folder: Path) -> None:
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_inference(folder):
    run(command("simulstream_inference", folder), folder)
    assert words_of(folder / "talks.jsonl")[:4] == ["Eine", "Frau", "in", "einem"]


def test_server_and_client(folder):
    port = free_port()
    with serving(command("simulstream_server", folder, port), folder, port):
        run(command("simulstream_wavs_client", folder, port), folder)
    assert words_of(folder / "metrics.jsonl")[:2] == ["Une", "femme"]


def test_http_server(folder):
    port = free_port()
    with serving(command("http_speech_processor_server", folder, port), folder, port):
        asked = Request(f"http://localhost:{port}/speech_chunk_size", b'{"session_id": "one"}', method="GET")
        assert json.loads(urlopen(asked, timeout=20).read()) == {"speech_chunk_size": 0.25}


def test_a_mistyped_file_ends_a_program_with_one_line(folder):
    words = command("simulstream_inference", folder)
    mistyped = folder / "mistyped.yaml"
    text = (ROOT / "serve" / "configs" / "reina.yaml").read_text(encoding="utf-8")
    mistyped.write_text(text.replace("chunk_ms", "chunck_ms"), encoding="utf-8")
    words[words.index("--speech-processor-config") + 1] = str(mistyped)
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == (
        "error: the speech processor's file: there is no option 'chunck_ms': did you mean 'chunk_ms'?"
    )
    assert "Traceback" not in done.stderr
