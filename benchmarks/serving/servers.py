"""The three ways to serve, as processes of their own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

KINDS = ("ours", "process a client", "simulstream's pool")
START_S = 600  # on a machine that does other work as well
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Servers:
    """Those of one kind that run: addresses, one for each client in turn."""

    uris: tuple[str, ...]
    processes: tuple[int, ...]

    def processor_s(self) -> float:
        """User and system time so far."""
        return sum(_processor_s(process) for process in self.processes)

    def memory_mib(self) -> float:
        """Resident at most, all together."""
        return sum(_memory_mib(process, "VmHWM") for process in self.processes)

    def memory_now_mib(self) -> float:
        """Resident now, all together."""
        return sum(_memory_mib(process, "VmRSS") for process in self.processes)


@contextmanager
def serving(kind: str, agent: Path, clients: int, folder: Path) -> Iterator[Servers]:
    """One of KINDS, for so many clients. agent: the file of a speech processor."""
    with ExitStack() as stack:
        started = []
        threads = _threads(clients if kind == "process a client" else 1)
        for number in range(clients if kind == "process a client" else 1):
            port = _free_port()
            words = _command(kind, agent, clients, port, folder)
            file = folder / f"server-{number}.log"
            log = stack.enter_context(file.open("w", encoding="utf-8"))
            process = subprocess.Popen(words, stdout=log, stderr=log, env={**os.environ, **threads})
            stack.callback(_stop, process)
            started.append((port, process, file))
        for port, process, file in started:
            _wait(port, process, file)
        yield Servers(
            tuple(f"ws://127.0.0.1:{port}/" for port, _, _ in started),
            tuple(process.pid for _, process, _ in started),
        )


def _threads(processes: int) -> dict[str, str]:
    """All cores, divided among the processes: more threads than cores make each of them slower."""
    each = max(1, len(os.sched_getaffinity(0)) // processes)
    return {"OMP_NUM_THREADS": str(each), "OMP_WAIT_POLICY": "PASSIVE"}


def _command(kind: str, agent: Path, clients: int, port: int, folder: Path) -> Sequence[str]:
    if kind != "simulstream's pool":
        limits = ["--clients", str(clients + 1), "--clients-per-address", str(clients + 1)]
        return [sys.executable, "-m", "simulst", "serve", str(agent), "--port", str(port), *limits]
    server = folder / "server.yaml"
    settings = {"hostname": "127.0.0.1", "port": port, "pool_size": clients, "acquire_timeout": 60}
    metrics = {"enabled": False, "filename": str(folder / "metrics.jsonl")}
    server.write_text(yaml.safe_dump({**settings, "metrics": metrics}), encoding="utf-8")
    files = ["--server-config", str(server), "--speech-processor-config", str(agent)]
    start = "from simulstream.server.websocket_server import cli_main; cli_main()"
    return [sys.executable, "-c", start, *files]


def _wait(port: int, process: subprocess.Popen, log: Path) -> None:
    end_s = time.monotonic() + START_S
    while time.monotonic() < end_s:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            said = log.read_text(encoding="utf-8").strip().splitlines()
            raise RuntimeError(
                f"the server at port {port} has ended: {said[-1] if said else 'it said nothing'}"
            )
        time.sleep(0.2)
    raise TimeoutError(f"nobody listens to port {port}")


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _processor_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory_mib(process: int, kind: str) -> float:
    """kind: VmRSS, or VmHWM for the most so far."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith(f"{kind}:")]
    return int(line.split()[1]) / 1024
