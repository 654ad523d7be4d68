"""Programs in processes of their own, which need not import torch and fairseq2 anew: five seconds of CPU.

One process imports the libraries, and forks itself for each program that a test starts. Variables that
libraries read when they are imported (HF_HOME, for one) are those of the first program: a test that sets such
starts a process of its own.
"""

import atexit
import contextlib
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What the programs of this project import sooner or later, each where it is installed.
LIBRARIES = (
    "torch",
    "torch.distributed",
    "torch.utils.tensorboard",
    "fairseq2.recipe",
    "train.recipes.command",
    "train.translator.recipe",
    "transformers",
    "sacrebleu",
    "simuleval.cli",
)
HERE = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}  # this checkout's code, and a core for each process
GRACE_S = 20.0  # for the other processes of a program, after one has failed


def run_warm(
    module: str, arguments: Sequence[object], folder: Path = ROOT, processes: int = 1
) -> subprocess.CompletedProcess[str]:
    """Does as `python -m module arguments` in a folder, or as torchrun does with several processes."""
    with tempfile.TemporaryDirectory() as kept:
        out, err = Path(kept, "out"), Path(kept, "err")
        words = list(map(str, arguments))
        request = {
            "module": module,
            "arguments": words,
            "folder": str(folder),
            "environment": os.environ | HERE,
            "processes": processes,
            "out": str(out),
            "err": str(err),
        }
        server = _server()
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        return subprocess.CompletedProcess([module, *words], status, out.read_text(), err.read_text())


@cache
def _server() -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.warm_process"],
        cwd=ROOT,
        env=os.environ | HERE | {"PYTHONWARNINGS": "ignore"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.stdin.close)
    return server


def _serve() -> tuple[str, list[str]]:
    """Answers requests. Returns in the forked processes only, with what they shall run."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        ranks = request["processes"]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        children = set()
        for rank in range(ranks):
            child = os.fork()
            if child == 0:
                _become(request, rank, port)
                return request["module"], request["arguments"]
            children.add(child)
        print(_wait(children), file=answers, flush=True)
    sys.exit(0)


def _become(request: dict, rank: int, port: int) -> None:
    """The environment, folder and streams of the program."""
    os.environ.clear()
    os.environ.update(request["environment"])
    if request["processes"] > 1:
        count = str(request["processes"])
        os.environ |= {
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": count,
            "LOCAL_WORLD_SIZE": count,
        }
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.chdir(request["folder"])
    sys.path[0] = request["folder"]
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for stream, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), stream)


def _wait(children: set[int]) -> int:
    """The first exit status that is not 0. Processes that still wait for a failed one are ended."""
    failed, since = 0, 0.0
    while children:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            if failed and time.monotonic() > since + GRACE_S:
                for one in children:
                    os.kill(one, 9)
                since = time.monotonic()
            time.sleep(0.02)
        else:
            children.discard(child)
            if status and not failed:
                failed, since = os.waitstatus_to_exitcode(status), time.monotonic()
    return failed


if __name__ == "__main__":
    module, arguments = _serve()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
