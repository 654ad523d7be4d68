"""A log of sessions, for whoever asks for one: lines of simulstream's metrics log, which OmniSTEval scores.

It holds what was written, and the names that clients gave their audio; never the audio. A line is written at
once and whole, so that a log is readable to its end whatever becomes of the server; the next server goes on
with it, and with its numbers of streams.
"""

import errno
import json
import logging
import os
import threading
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from serve.simulstream_lines import decision_line, metadata_line

logger = logging.getLogger(__name__)

BEGINNING = b'{"id": '  # of every line


class SessionLog:
    """One file, a line at a time. What the disk refuses ends the log, and no session."""

    def __init__(self, path: Path) -> None:
        """Raises InputError where the file cannot be written, or holds anything else than such a log."""
        try:
            last, size = _read(path)
            self._file = path.open("ab", buffering=0)
            if size is not None:
                logger.warning("%s ends within a line, which is taken off", path)
                self._file.truncate(size)
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror}): give another path") from None
        self._numbers = count(1 + last)
        self._path = path
        self._works = True
        self._one_line = threading.Lock()

    def new_stream(self) -> int:
        """The number of one more stream; no other in the file has it."""
        return next(self._numbers)

    def note_metadata(self, stream: int, metadata: Any) -> None:
        """What a client says of its audio, if anything; to be told before its decisions.

        simulstream and OmniSTEval know streams by `wav_name`: one without gets its number for that.
        """
        told = metadata if isinstance(metadata, dict) else {} if metadata is None else {"metadata": metadata}
        if not isinstance(told.get("wav_name"), str):
            told = {**told, "wav_name": f"stream_{stream}.wav"}
        self._write(metadata_line(stream, told))

    def note_decision(
        self,
        stream: int,
        heard_s: float,
        computation_s: float,
        new: str,
        deleted: str,
        in_characters: bool = False,
    ) -> None:
        """in_characters: the language written has no spaces; the same for all decisions of a stream."""
        self._write(decision_line(stream, heard_s, computation_s, new, deleted, in_characters))

    def close(self) -> None:
        self._file.close()

    def _write(self, line: str) -> None:
        with self._one_line:
            if not self._works:
                return
            whole = line.encode()
            written = 0
            try:
                written = self._file.write(whole)
                if written < len(whole):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                self._works = False
                logger.error("%s: %s: sessions go on, and are logged no further", self._path, error.strerror)
                if written:  # half a line would make the file unreadable
                    with suppress(OSError):
                        self._file.truncate(self._file.tell() - written)


def _read(path: Path) -> tuple[int, int | None]:
    """The highest number of a stream in a log that is there, 0 where there is none.

    And the size of its whole lines in bytes, where a machine that lost its power has left half a line at the
    end; else None. Raises InputError for a file that is no such log, OSError where it cannot be read.
    """
    highest = size = 0
    if not path.is_file():
        return highest, None
    with path.open("rb") as file:
        for place, line in enumerate(file, 1):
            if not line.endswith(b"\n") and line.startswith(BEGINNING[: len(line)]):
                return highest, size
            try:
                number = json.loads(line)["id"]
            except (ValueError, TypeError, KeyError):
                number = None
            if type(number) is not int:
                raise InputError(f"{path}, line {place}: this is no line of a session log: give another path")
            highest, size = max(highest, number), size + len(line)
    return highest, None
