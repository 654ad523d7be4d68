"""The shell scripts of the benchmarks, as far as that is seen without their data."""

import subprocess
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(BENCHMARKS.glob("**/*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: f"{script.parent.name}-{script.stem}")
def test_a_script_is_bash_and_asks_for_all_processors(script):
    assert subprocess.run(["bash", "-n", script], capture_output=True, text=True).stderr == ""
    before, thread, _ = script.read_text().partition("export OMP_NUM_THREADS=1")
    # nproc says 1 once that is set.
    assert not thread or "nproc)" not in script.read_text()[len(before) :]
