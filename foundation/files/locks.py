"""One process at a time writes to an output.

A lock is a file `.NAME.lock` beside NAME that the writing process holds with flock. The kernel lets go of it
when that process ends, however it ends: what a `kill -9` leaves behind is a file that nobody holds.
"""

import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foundation.errors import InputError


@contextmanager
def locked(target: Path, wait: bool = False) -> Iterator[None]:
    """Holds the lock of `target`, whose folder must exist, while the block runs.

    With `wait` it waits for its turn. Otherwise raises InputError when another process holds the lock.
    """
    path = target.with_name(f".{target.name}.lock")
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _take(file, target, wait)
            # The holder before us has removed the file that we have opened: then ours locks nothing.
            if _is_still_there(file, path):
                break
        except BaseException:
            os.close(file)
            raise
        os.close(file)
    try:
        os.truncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
    except OSError:
        pass  # The number is for the message of others only: a full disk shows where it matters.
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def _take(file: int, target: Path, wait: bool) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        holder = os.pread(file, 20, 0).decode(errors="replace").strip()
        process = f"another process ({holder})" if holder else "another process"
        raise InputError(f"{process} is writing {target}: wait for it, or name another output") from None
    except OSError as error:
        # Some file systems of clusters have no locks.
        reason = f"{target} cannot be locked ({error.strerror})"
        warnings.warn(f"{reason}: run one command at a time", stacklevel=4)


def _is_still_there(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
