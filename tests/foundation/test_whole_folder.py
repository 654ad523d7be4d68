"""Folders and files that are whole or not there, whatever happens while they are written."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from safetensors.numpy import save_file

from foundation.errors import InputError
from foundation.files.disk_errors import writing
from foundation.files.whole_folder import replaced_file, whole_folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_folder_that_fails_leaves_nothing_and_keeps_what_was_there(tmp_path, failure):
    with whole_folder(tmp_path / "out") as folder:
        (folder / "mark").write_text("first")
    assert names(tmp_path) == ["out"]
    with pytest.raises(failure), whole_folder(tmp_path / "out", overwrite=True, mark="mark") as folder:
        (folder / "mark").write_text("second")
        raise failure
    assert names(tmp_path) == ["out"] and (tmp_path / "out/mark").read_text() == "first"
    with whole_folder(tmp_path / "out", overwrite=True, mark="mark") as folder:
        (folder / "mark").write_text("second")
    assert names(tmp_path) == ["out"] and (tmp_path / "out/mark").read_text() == "second"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "out exists: choose another folder, or move that one away"),
        ({"mark": "log"}, "out exists: name another --output, or add --overwrite to replace it"),
        ({"mark": "log", "overwrite": True}, r"not made by this command \(it holds no log\), so it is kept"),
    ],
)
def test_what_may_not_be_replaced_stays(tmp_path, options, message):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").touch()
    with pytest.raises(InputError, match=message), whole_folder(tmp_path / "out", **options):
        raise AssertionError("nothing must be written")
    assert names(tmp_path / "out") == ["mine"]


HOLD = """\
import sys, time
from pathlib import Path
from foundation.files.whole_folder import whole_folder
with whole_folder(Path(sys.argv[1])) as folder:
    (folder / "half").touch()
    time.sleep(60)
"""


def test_a_second_process_is_refused_and_what_a_killed_one_left_is_cleared(tmp_path):
    first = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "out"], env=environment())
    half = tmp_path / ".out.incomplete/half"
    wait_until(half.exists)
    refusal = rf"another process \({first.pid}\) is writing .*/out: wait for it, or name another output"
    with pytest.raises(InputError, match=refusal), whole_folder(tmp_path / "out"):
        pass
    assert half.exists()
    first.kill()
    first.wait()
    assert names(tmp_path) == [".out.incomplete", ".out.lock"]
    with whole_folder(tmp_path / "out") as folder:
        assert not names(folder)
    assert names(tmp_path) == ["out"]


def test_a_kill_between_the_two_renames_loses_nothing(tmp_path):
    (tmp_path / ".out.replaced").mkdir()
    (tmp_path / ".out.replaced/mark").write_text("first")
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "out", overwrite=True, mark="mark"):
        raise RuntimeError
    assert names(tmp_path) == ["out"] and (tmp_path / "out/mark").read_text() == "first"


FILL = """\
import resource, signal, sys
from pathlib import Path
from foundation.command_end import exit_status
from foundation.files.whole_folder import whole_folder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
def fill():
    with whole_folder("out") as folder:
        (folder / "a").write_bytes(bytes(2000))
sys.exit(exit_status(fill))
"""


def test_a_file_that_the_disk_does_not_take_is_one_line_and_leaves_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FILL], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 1 and not names(tmp_path)
    mend = "allow larger files (`ulimit -f`), or name another output"
    assert done.stderr == f"error: {tmp_path}/out: File too large: {mend}\n"


def test_weights_that_the_disk_does_not_take_are_one_line(tmp_path):
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    earlier = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, earlier[1]))
        with pytest.raises(InputError, match="out: File too large"), whole_folder(tmp_path / "out") as folder:
            save_file({"weight": np.zeros(1000)}, folder / "model.safetensors")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, earlier)
        signal.signal(signal.SIGXFSZ, handler)
    assert not names(tmp_path)


def test_an_output_below_a_file_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        InputError, match="file: File exists: something else has this name: name another output"
    ):
        with whole_folder(tmp_path / "file/out"):
            pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="out: Permission denied"), whole_folder(tmp_path / "out"):
        pass


def test_other_errors_are_no_refusals_of_the_disk(tmp_path):
    with pytest.raises(FileNotFoundError), writing(tmp_path):
        (tmp_path / "input").read_text()
    with pytest.raises(ValueError, match="os error"), writing(tmp_path):
        raise ValueError("os error 28")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "file"
    path.write_text("first")
    with pytest.raises(RuntimeError), replaced_file(path) as partial:
        partial.write_text("sec")
        raise RuntimeError
    assert names(tmp_path) == ["file"] and path.read_text() == "first"
    with replaced_file(path) as partial:
        partial.write_text("second")
    assert names(tmp_path) == ["file"] and path.read_text() == "second"


def test_devices_and_pipes_are_not_replaced(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "stdout").symlink_to(tmp_path / "redirected")
    (tmp_path / "redirected").touch()
    monkeypatch.setattr("foundation.files.whole_folder.DEVICES", tmp_path)  # the test's own
    for name in ("pipe", "stdout"):
        with pytest.raises(InputError, match=f"{name} is a device or a pipe, which no file may replace"):
            with replaced_file(tmp_path / name):
                raise AssertionError
    assert names(tmp_path) == ["pipe", "redirected", "stdout"] and (tmp_path / "stdout").is_symlink()


def test_a_second_writer_of_a_file_waits(tmp_path):
    def write():
        with replaced_file(tmp_path / "file") as partial:
            partial.write_text("second")

    other = threading.Thread(target=write)
    with replaced_file(tmp_path / "file") as partial:
        other.start()
        time.sleep(0.1)
        partial.write_text("first")
    other.join(5)
    assert names(tmp_path) == ["file"] and (tmp_path / "file").read_text() == "second"


def environment():
    return {**os.environ, "PYTHONPATH": os.getcwd()}


def wait_until(done):
    for _ in range(600):
        if done():
            return
        time.sleep(0.05)
    raise AssertionError("it never happened")
