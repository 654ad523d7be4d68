"""Where the text of each source goes: standard output, or a file that grows with it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from agents.live.formats import FORMATS
from foundation.errors import InputError
from foundation.files.disk_errors import writing


class TextOutput:
    """Takes text as it comes, and lets everybody see it at once.

    A file is made by its first text; where none comes, one that was there is emptied, since it is replaced.
    """

    def __init__(self, path: Path | None) -> None:
        """path: None is standard output."""
        self.path = path
        self._file = None

    def write(self, text: str) -> None:
        """Raises InputError for what the disk refuses."""
        if not text:
            return
        if self.path is None:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        with writing(self.path):
            if self._file is None:
                self._file = self.path.open("w", encoding="utf-8")
            self._file.write(text)
            self._file.flush()

    def __enter__(self) -> "TextOutput":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self.path is None:
            return
        with writing(self.path):  # closing tries once more to write what a full disk has refused
            if self._file is not None:
                self._file.close()
            elif self.path.is_file():
                os.truncate(self.path, 0)


def output_paths(
    sources: Sequence[str], output: Path | None, kind: str, overwrite: bool
) -> list[Path | None]:
    """A path for the text of each source; None is standard output. Several go into the folder `output`.

    Raises InputError where two would get one name, where something is there already or is to be heard, and
    for what the disk refuses.
    """
    if output is None:
        if sys.stdout is None:
            raise InputError("standard output is closed: name a file by --output")
        return [None] * len(sources)
    if len(sources) == 1:
        paths = [output]
        if output.is_dir():
            raise InputError(f"--output {output} is a folder: name the file to write")
        if not output.parent.is_dir():
            raise InputError(
                f"--output {output}: there is no folder {output.parent}: make it, or name another"
            )
    else:
        names = ["standard_input" if one == "-" else Path(one).stem for one in sources]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"two recordings are called {twice!r}: translate them into folders of their own")
        paths = [output / f"{name}{FORMATS[kind].suffix}" for name in names]
    for path in paths:
        heard = next((one for one in sources if _are_one(path, one)), None)
        if heard is not None:
            raise InputError(f"output {path} is the recording {heard} itself: name another --output")
        if path.exists() and not overwrite:
            raise InputError(f"output {path} exists: name another --output, or add --overwrite to replace it")
    if len(sources) > 1:
        with writing(output):
            output.mkdir(parents=True, exist_ok=True)
    return paths


def _are_one(path: Path, source: str) -> bool:
    """Whether both are one file, by whatever names."""
    return path.exists() and Path(source).exists() and path.samefile(source)
