"""Replicas behind one address, on a Ray of this machine."""

import asyncio
import os
import signal
import socket
import subprocess
import sys

import pytest

from foundation.errors import InputError

pytest.importorskip("uvicorn", reason="the server is not installed: pip install -e '.[serve]'")

from serve.commands.serve_arguments import ServeArguments
from tests.evaluation.tiny_evaluation import ROOT
from tests.serve.web.conftest import text


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"replicas": 2}, "--replicas and --most-replicas go with --ray"),
        ({"most_replicas": 2}, "--replicas and --most-replicas go with --ray"),
        ({"ray": True, "replicas": 3, "most_replicas": 2}, "--most-replicas 2 is less than --replicas 3"),
        ({"ray": True, "session_log": ROOT / "log"}, "replicas cannot share a --session-log"),
        ({"ray": True, "port": 0}, "--ray needs a --port other than 0"),
        ({"ray": True, "replicas": 0}, "replicas must be at least 1, got 0"),
    ],
)
def test_impossible_choices(options, error):
    with pytest.raises(InputError, match=error):
        ServeArguments(**options)


# Over 20 s: Ray starts a dozen processes, and each replica imports torch and loads a model.
def test_two_replicas_write_what_our_agent_writes(captions, written):
    pytest.importorskip("ray", reason="replicas need ray: pip install -e '.[serve,cluster]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["serve", "--ray", "--replicas", "2", "--port", str(port), "--history", "none"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "120",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "simulst", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        assert server.stdout.readline() == f"ready at http://127.0.0.1:{port}/\n"
        clips = [*captions.values()] * 2

        async def together():
            return await asyncio.gather(*(text(f"ws://127.0.0.1:{port}/", clip) for clip in clips))

        said = asyncio.run(together())
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
    finally:
        server.kill()
        server.wait()
    assert [one.split() for one in said] == [written(clip).words for clip in clips]
