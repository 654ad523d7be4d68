"""Runs a recipe as a user does: as a module of its own process, or of several under torchrun."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import torch
from torch import Tensor

PROJECT = Path(__file__).parents[2]


def train(
    module: str, output: Path, configuration: Path, processes: int = 1
) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable]
    if processes > 1:
        launcher += [
            "-m",
            "torch.distributed.run",
            f"--nproc_per_node={processes}",
            f"--master-port={_free_port()}",
        ]
    command = [*launcher, "-m", module, output, "--config-file", configuration, "--no-rich"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        list(map(str, command)), cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )


def trained(module: str, output: Path, configuration: Path, processes: int = 1) -> Path:
    """The output folder of a run that must succeed."""
    done = train(module, output, configuration, processes)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return output


def losses(output: Path) -> list[float]:
    """Of each logged step."""
    lines = (output / "metrics" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["Loss"] for line in lines]


def stored(output: Path, step: int) -> dict[str, Tensor]:
    """The weights of a checkpoint that one process wrote, by their names in training."""
    file = output / "checkpoints" / f"step_{step}" / "model" / "pp_00" / "tp_00" / "sdp_00.pt"
    return torch.load(file, weights_only=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
