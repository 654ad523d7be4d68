"""Where work runs: every place calls the same function, keeps the order, and hands its errors back."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from foundation.errors import InputError
from foundation.workers import Workers, place

OFFSET = 0


def double(rows):
    return [OFFSET + 2 * row for row in rows]


def set_offset(offset):
    global OFFSET
    OFFSET = offset


def process_and_place(_):
    time.sleep(0.2)
    return os.getpid(), place()


def refuse(row):
    raise InputError(f"row {row} is bad")


def die(row):
    os._exit(1)


@pytest.mark.parametrize("workers", [Workers(), Workers(2), Workers(2, "submitit-local")], ids=str)
def test_results_keep_the_order_of_the_tasks(workers, tmp_path, monkeypatch):
    if workers.executor != "local":
        pytest.importorskip("submitit")
    workers = Workers(workers.jobs, workers.executor, tmp_path / "jobs")
    monkeypatch.setattr(f"{__name__}.OFFSET", 0)
    results = list(workers.in_order(double, [[i, i + 1] for i in range(20)], set_offset, (100,)))
    assert results == [[100 + 2 * i, 102 + 2 * i] for i in range(20)]
    assert not list(tmp_path.glob("jobs/results-*"))


def test_processes_of_one_machine_are_numbered():
    found = dict(Workers(2).in_order(process_and_place, range(8)))
    assert os.getpid() not in found and sorted(found.values()) in ([0, 1], [0], [1])
    assert place() == 0


def test_errors_of_processes_reach_the_user():
    with pytest.raises(InputError, match="row 0 is bad"):
        list(Workers(2).in_order(refuse, range(20)))
    with pytest.raises(InputError, match="died.*fewer --jobs"):
        list(Workers(2).in_order(die, range(20)))


def test_errors_of_jobs_reach_the_user(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setattr("foundation.cluster_jobs.POLL_S", 0.05)
    with pytest.raises(InputError, match="row 0 is bad"):
        list(Workers(2, "submitit-local", tmp_path).in_order(refuse, range(3)))
    with pytest.raises(InputError, match="ended without a result.*run the command again"):
        list(Workers(1, "submitit-local", tmp_path).in_order(die, [0]))


def test_cluster_without_submitit(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(InputError, match='needs submitit: pip install -e ".\\[cluster\\]"'):
        list(Workers(1, "slurm", tmp_path).in_order(double, [[1]]))


def test_slurm_where_there_is_none(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="executor slurm cannot be used here: Could not detect"):
        list(Workers(1, "slurm", tmp_path).in_order(double, [[1]]))


def test_only_one_local_job_needs_no_other_process():
    assert Workers().in_process
    assert not Workers(2).in_process and not Workers(1, "slurm").in_process


def tell_and_wait(file):
    folder = tempfile.mkdtemp()
    file.with_suffix(".partial").write_text(f"{os.getpid()} {folder}")
    file.with_suffix(".partial").rename(file)
    time.sleep(60)


SCRIPT = """\
import sys
from pathlib import Path
from foundation.command_end import exit_status
from foundation.workers import Workers
from tests.foundation.test_workers import tell_and_wait

def work():
    list(Workers(2).in_order(tell_and_wait, [Path("told")]))

if __name__ == "__main__":
    sys.exit(exit_status(work))
"""


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_whatever_ends_a_command_ends_its_processes(number, status, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "script.py"]
    parent = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    wait_until((tmp_path / "told").exists)
    process, folder = (tmp_path / "told").read_text().split()
    parent.send_signal(number)
    said = parent.communicate(timeout=30)[1]
    assert parent.returncode == status
    wait_until(lambda: not is_alive(int(process)))
    if number != signal.SIGKILL:
        assert said == {143: "terminated\n", 130: "interrupted\n"}[status]
        assert not Path(folder).exists()


def wait_until(done):
    for _ in range(600):
        if done():
            return
        time.sleep(0.05)
    raise AssertionError("it never happened")


def is_alive(process):
    try:
        os.kill(process, 0)
        # An orphan that ended is there until its new parent looks at it.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
