"""A log of sessions, for whoever asks for one: lines of simulstream's metrics log, which OmniSTEval scores.

It holds what was written, and the names that clients gave their audio; never the audio.
"""

import errno
import logging
import os
import threading
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from serve.simulstream_lines import decision_line, metadata_line

logger = logging.getLogger(__name__)


class SessionLog:
    """One file, a line at a time. What the disk refuses ends the log, and no session."""

    def __init__(self, path: Path) -> None:
        """Raises InputError where the file cannot be written."""
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror}): give another path") from None
        self._path = path
        self._works = True
        self._one_line = threading.Lock()

    def note_metadata(self, stream: int, metadata: Any) -> None:
        self._write(metadata_line(stream, metadata))

    def note_decision(
        self, stream: int, heard_s: float, computation_s: float, new: str, deleted: str
    ) -> None:
        self._write(decision_line(stream, heard_s, computation_s, new, deleted))

    def close(self) -> None:
        self._file.close()

    def _write(self, line: str) -> None:
        with self._one_line:
            if not self._works:
                return
            whole = line.encode()
            try:
                if self._file.write(whole) < len(whole):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                self._works = False
                logger.error("%s: %s: sessions go on, and are logged no further", self._path, error.strerror)
