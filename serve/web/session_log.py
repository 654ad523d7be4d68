"""A log of sessions, for whoever asks for one: lines of simulstream's metrics log, which OmniSTEval scores.

It holds what was written, and the names that clients gave their audio; never the audio.
"""

import json
import threading
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from serve.tokens import tokens


class SessionLog:
    """One file, a line at a time, whole or not at all."""

    def __init__(self, path: Path) -> None:
        """Raises InputError where the file cannot be written."""
        try:
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror}): give another path") from None
        self._one_line = threading.Lock()

    def note_metadata(self, stream: int, metadata: Any) -> None:
        self._write({"id": stream, "metadata": metadata})

    def note_decision(
        self, stream: int, heard_s: float, computation_s: float, new: str, deleted: str
    ) -> None:
        self._write(
            {
                "id": stream,
                "total_audio_processed": heard_s,
                "computation_time": computation_s,
                "generated_tokens": tokens(new),
                "deleted_tokens": tokens(deleted),
            }
        )

    def close(self) -> None:
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        with self._one_line:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
