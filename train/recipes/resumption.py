"""A run goes on from its last checkpoint; a damaged one is found before a model is loaded for it.

fairseq2 writes checkpoints/step_N/ with model/, optimizer/, trainer/ and data_reader/, all of them files of
torch, which are ZIP archives: one that was cut off, by a full disk or a copy that broke, has lost its end.
Other damage disagrees with the checksums in the archive, which torch itself does not look at: it would go on
from wrong weights.
"""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from foundation.errors import InputError

PARTS = ("trainer", "model", "optimizer", "data_reader")


def holds_checkpoints(folder: Path) -> bool:
    """Whether a run has begun; folder: its `checkpoints`, which need not be there."""
    return any(folder.glob("step_*"))


def refuse_changes(output: Path, changed: Sequence[str]) -> NoReturn:
    """Raises InputError that names what is another than when the run in `output` began."""
    raise InputError(
        f"{output} holds checkpoints of a run with another {', '.join(changed)}: go on with the first "
        "configuration, or name a new output folder"
    )


def check_last_checkpoint(folder: Path) -> None:
    """Raises InputError if a run cannot go on from the last checkpoint in `folder`, its `checkpoints`.

    It names the damaged file, and the older checkpoint that can be taken instead.
    """
    steps = sorted(filter(_can_be_resumed, folder.glob("step_*")), key=_number)
    if not steps:
        return
    fault = _fault(steps[-1])
    if fault is None:
        return
    whole = [step for step in steps if _fault(step) is None]
    away = [step for step in steps if not whole or _number(step) > _number(whole[-1])]
    names = " and ".join(step.name for step in away)
    then = f"goes on from step {_number(whole[-1])}" if whole else "begins again, as no older one is there"
    raise InputError(
        f"{fault}, so the run cannot go on from it: move {names} out of {folder}, and the same command {then}"
    )


def _can_be_resumed(step: Path) -> bool:
    """Whether fairseq2 takes this for a checkpoint to go on from, and not for weights alone."""
    return step.name[5:].isdecimal() and (step / "trainer").is_dir()


def _fault(step: Path) -> str | None:
    """What is wrong with the first damaged file of a checkpoint; None where all are whole."""
    for part in PARTS:
        files = sorted((step / part).rglob("*.pt"))
        if not files:
            return f"{step / part} holds no file"
        for file in files:
            try:
                with zipfile.ZipFile(file) as archive:
                    damaged = archive.testzip() is not None
            except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError, zlib.error):
                damaged = True
            if damaged:
                return f"{file} is cut off or damaged"
    return None


def _number(step: Path) -> int:
    """N of step_N."""
    return int(step.name[5:])
