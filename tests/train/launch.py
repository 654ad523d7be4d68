"""Runs a recipe as a user does: as a module of its own process, or of several."""

import json
import subprocess
from pathlib import Path

import torch
from torch import Tensor

from tests.warm_process import run_warm


def train(
    module: str, output: Path, configuration: Path, processes: int = 1
) -> subprocess.CompletedProcess[str]:
    """Several processes are started as torchrun starts them."""
    return run_warm(module, [output, "--config-file", configuration, "--no-rich"], processes=processes)


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
