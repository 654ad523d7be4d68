"""What a disk refuses, in one line: it is full, read-only, or the name is taken by something else."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foundation.errors import InputError

REFUSALS = {
    errno.ENOSPC: "make room, or name another output",
    errno.EDQUOT: "make room, or name another output",
    errno.EFBIG: "allow larger files (`ulimit -f`), or name another output",
    errno.EROFS: "name another output",
    errno.EACCES: "name another output, or allow writing there",
    errno.EPERM: "name another output, or allow writing there",
    errno.ENOTDIR: "a part of the path is a file: name another output",
    errno.EISDIR: "a folder has this name: name another output",
    errno.EEXIST: "something else has this name: name another output",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "look at the disk, or name another output",
}
# safetensors and tokenizers, which are written in Rust, put the number into their messages.
RUST_ERROR = re.compile(r"\(os error (\d+)\)")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the disk refuses while the block runs becomes an InputError that names `path`."""
    try:
        yield
    except Exception as error:
        number = _number(error)
        if number not in REFUSALS:
            raise
        raise InputError(f"{_place(error, path)}: {os.strerror(number)}: {REFUSALS[number]}") from error


def _place(error: Exception, path: Path) -> str:
    """What is to be written, or the file elsewhere at which it failed."""
    found = getattr(error, "filename", None)
    is_elsewhere = isinstance(found, str) and path.absolute().parent not in Path(found).absolute().parents
    return found if is_elsewhere else str(path)


def _number(error: Exception) -> int | None:
    if isinstance(error, OSError):
        return error.errno
    found = RUST_ERROR.search(str(error))
    return int(found[1]) if found else None
