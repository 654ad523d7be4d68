"""The lines of a text file as corpora bring them: UTF-8, perhaps compressed with gzip."""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

from models.errors import InputError

SHOWN = 200  # characters of a header that a message repeats


def read_lines(path: Path) -> list[str]:
    """The lines without their ends; NAME.gz is unpacked. Raises InputError, naming the file, if it cannot.

    Lines end at \\n or \\r\\n only, and a byte order mark is no part of the first one.
    """
    if not is_file(path):
        raise InputError(f"{path}: no such file: correct the path")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        # Not splitlines(): texts hold signs that it takes for line ends, such as U+2028.
        lines = content.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        line = 1 + content[: error.start].count(b"\n")
        raise InputError(f"{path}, line {line}: it is not UTF-8 ({error.reason}): convert the file") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged or not gzip ({error}): copy it again") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): see to its permissions") from None
    return lines[:-1] if not lines[-1] else lines


def is_file(path: Path) -> bool:
    """Whether there is such a file; no file has a name that the system refuses, for instance as too long."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def shown(names: Sequence[str]) -> str:
    """Column names for a message, which stays one readable line whatever the file holds."""
    text = ", ".join(map(repr, names))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."
