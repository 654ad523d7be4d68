"""How a command ends: one line and an exit status, whatever has happened."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from foundation.command_end import exit_status
from foundation.errors import InputError


def raising(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (InputError("a.yaml: no such key"), 1, "error: a.yaml: no such key\n"),
        (KeyboardInterrupt(), 130, "interrupted: go on\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "error: No space left on device\n"),
        (PermissionError(errno.EACCES, "Permission denied", "x/y"), 1, "error: x/y: Permission denied\n"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1, "error: Broken pipe\n"),  # of a child, say
    ],
)
def test_an_error_is_one_line(error, status, said, capsys):
    assert exit_status(raising(error), "interrupted: go on") == status
    assert capsys.readouterr().err == said


def test_a_command_may_say_its_status(capsys):
    assert exit_status(lambda: 3) == 3 and exit_status(lambda: None) == 0


def test_sigterm_is_an_exception_only_while_a_command_runs(capsys):
    before = signal.getsignal(signal.SIGTERM)
    cleared = []

    def command():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # a second one does not disturb clearing up
            cleared.append(True)

    assert exit_status(command) == 143 and cleared == [True]
    assert capsys.readouterr().err == "terminated\n"
    assert signal.getsignal(signal.SIGTERM) is before


def run(program, **streams):
    program = f"import sys\nfrom foundation.command_end import exit_status\n{program}"
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONUNBUFFERED": ""}
    return subprocess.run([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE, **streams)


@pytest.mark.parametrize("lines", [1, 100_000])  # seen at the last flush, and while it prints
def test_standard_output_that_nobody_reads_is_no_traceback(lines):
    reader, writer = os.pipe()
    os.close(reader)
    done = run(f"sys.exit(exit_status(lambda: print('a\\n' * {lines})))", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("lines", [1, 100_000])
def test_standard_output_that_is_full_is_one_line(lines):
    with open("/dev/full", "w") as full:
        done = run(f"sys.exit(exit_status(lambda: print('a\\n' * {lines})))", stdout=full)
    place = b"standard output: " if lines == 1 else b""
    assert (done.returncode, done.stderr) == (1, b"error: " + place + b"No space left on device\n")


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_standard_streams_that_are_closed_end_no_command(closed, tmp_path):
    """Files that it opens do not get their numbers, where libraries write."""
    told = tmp_path / "told"
    program = f"""
import os
def command():
    with open({str(told)!r}, "w") as file:
        print("said", file=sys.stderr)
        os.write(2, b"of a library\\n")
        file.write(str(file.fileno() > 2))
print(exit_status(command), exit_status(lambda: 3), file=open({str(tmp_path / "status")!r}, "w"))
"""
    program = f"import sys\nfrom foundation.command_end import exit_status\n{program}"
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" {closed}>&-', sys.executable, program], env=environment, check=True
    )
    assert told.read_text() == "True"
    assert (tmp_path / "status").read_text() == "0 3\n"
