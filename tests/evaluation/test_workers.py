"""Where work runs: every place calls the same function, and hands its errors back."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evaluation.workers import Workers
from foundation.errors import InputError


def write_name(file, number):
    if number == 13:
        raise InputError("13 is refused")
    file.with_name(f"{number}").write_text(str(os.getpid()))


@pytest.mark.parametrize("executor", ["local", "submitit-local"])
def test_tasks_run_in_other_processes(executor, tmp_path):
    if executor != "local":
        pytest.importorskip("submitit")
    watched = []
    workers = Workers(2, executor, tmp_path / "jobs")
    workers.run(write_name, [(tmp_path / "x", 1), (tmp_path / "x", 2)], lambda: watched.append(1))
    processes = {(tmp_path / name).read_text() for name in ("1", "2")}
    assert str(os.getpid()) not in processes and watched


def test_errors_come_back(tmp_path):
    with pytest.raises(InputError, match="13 is refused"):
        Workers(2).run(write_name, [(tmp_path / "x", 13)], lambda: None)


def test_cluster_without_submitit(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(InputError, match='needs submitit: pip install -e ".\\[cluster\\]"'):
        Workers(1, "slurm", tmp_path).run(write_name, [(tmp_path / "x", 1)], lambda: None)


def test_slurm_where_there_is_none(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="executor slurm cannot be used here: Could not detect"):
        Workers(1, "slurm", tmp_path).run(write_name, [(tmp_path / "x", 1)], lambda: None)


def test_only_one_local_job_needs_no_other_process():
    assert Workers().in_process
    assert not Workers(2).in_process and not Workers(1, "slurm").in_process


def write_name_and_wait(file):
    write_name(file, 1)
    time.sleep(60)


def test_a_killed_parent_leaves_no_worker_behind(tmp_path):
    program = (
        "from pathlib import Path\n"
        "from evaluation.workers import Workers\n"
        "from tests.evaluation.test_workers import write_name_and_wait\n"
        f"tasks = [(Path({str(tmp_path / 'x')!r}),)]\n"
        "if __name__ == '__main__': Workers(2).run(write_name_and_wait, tasks, int)"
    )
    script = tmp_path / "sweep.py"
    script.write_text(program)
    parent = subprocess.Popen([sys.executable, script], env={**os.environ, "PYTHONPATH": os.getcwd()})
    wait_until(lambda: (tmp_path / "1").is_file() and (tmp_path / "1").read_text())
    worker = int((tmp_path / "1").read_text())
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_alive(worker))


def wait_until(done):
    for _ in range(600):
        if done():
            return
        time.sleep(0.1)
    raise AssertionError("it never happened")


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # An orphan that ended is there until its new parent looks at it.
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
