"""How a command ends: done, with one line about what is to be mended, or by a signal.

Exit status: 0 done, 1 something has to be mended, 130 interrupted (SIGINT), 143 terminated (SIGTERM),
141 nobody reads standard output any more.
"""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from foundation.errors import InputError

REFUSED, INTERRUPTED, UNREAD, TERMINATED = 1, 130, 141, 143
LAST_STANDARD = 2  # descriptors 0, 1 and 2 are standard input, output and error


class Terminated(KeyboardInterrupt):
    """SIGTERM has arrived: the command clears up as after Ctrl-C."""


def exit_status(command: Callable[[], int | None], interrupted: str = "interrupted") -> int:
    """Run a command and return its exit status, 0 where it returns None. Errors are one line.

    interrupted: what is said after a signal.
    """
    _fill_closed_descriptors()
    try:
        with _terminated_by_exception():
            status = command()
            # Now, and not when Python ends, where an error is a traceback.
            if sys.stdout is not None:
                sys.stdout.flush()
            return status or 0
    except InputError as error:
        return _say(f"error: {error}", REFUSED)
    except Terminated:
        return _say(interrupted.replace("interrupted", "terminated"), TERMINATED)
    except KeyboardInterrupt:
        return _say(interrupted, INTERRUPTED)
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            _forget_output()
            return UNREAD
        place = "" if error.filename is None else f"{error.filename}: "
        if not _is_taken():
            _forget_output()
            place = "standard output: "
        return _say(f"error: {place}{error.strerror or error}", REFUSED)


def _fill_closed_descriptors() -> None:
    """Put the null device where standard input, output or error was closed (`2>&-`).

    The next files that are opened would get their numbers, and stand where libraries complain. What is said
    on standard error goes nowhere then; `sys.stdin` and `sys.stdout` stay None, so that who needs them can
    tell.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= LAST_STANDARD:
        pass
    os.close(descriptor)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  as long as the process


def _say(line: str, status: int) -> int:
    print(line, file=sys.stderr)
    return status


@contextmanager
def _terminated_by_exception() -> Iterator[None]:
    # Only the main thread may choose what a signal does; tests call commands from it, too.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)


def _terminate(number: int, frame: FrameType | None) -> None:
    # `timeout` and clusters send it to the process and to its group: once is enough.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


def _nobody_reads() -> bool:
    """Whether the pipe behind standard output is closed at its other end."""
    if sys.stdout is None:
        return False
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError):
        return False


def _is_taken() -> bool:
    """Whether what was printed can be written."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        return False
    return True


def _forget_output() -> None:
    """What is left in the buffer goes nowhere: Python would complain when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
