"""Run real SimulEval inside the test process, or as a user would."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from simuleval import cli
from simuleval.utils import EVALUATION_SYSTEM_LIST

from tests.warm_process import run_warm

ROOT = Path(__file__).parents[2]


def run_simuleval(monkeypatch: pytest.MonkeyPatch, output: Path, *arguments: object) -> list[dict]:
    """The lines of instances.log. SimulEval keeps the agents that were loaded in a global list.

    Noise is decoded, too: it is what tests give random models to hear.
    """
    words = ["simuleval", *map(str, arguments), "--output", str(output), "--no-progress-bar"]
    words.append("--decode-silence")
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.chdir(ROOT)
    EVALUATION_SYSTEM_LIST.clear()
    cli.main()
    return [json.loads(line) for line in (output / "instances.log").read_text().splitlines()]


def simuleval_command(*arguments: object) -> subprocess.CompletedProcess:
    return run_warm("simuleval.cli", arguments)
