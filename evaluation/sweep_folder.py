"""Finished runs in a folder, and what their evaluation files say about their scores."""

from collections.abc import Sequence
from pathlib import Path

from evaluation.result_folder import LOG, read_configuration
from models.errors import InputError

DEFAULT_TOKENIZER = "13a"


def find_runs(folder: str | Path) -> list[Path]:
    """The folder itself if it is a run, else the runs right in it, in the order of their names.

    Raises InputError when there are none.
    """
    folder = Path(folder)
    if (folder / LOG).is_file():
        return [folder]
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: give one of a finished run, or one that holds such folders")
    # A run that has not finished has a folder whose name begins with a dot.
    runs = sorted(log.parent for log in folder.glob(f"*/{LOG}") if not log.parent.name.startswith("."))
    if not runs:
        raise InputError(f"{folder} holds no finished run: neither it nor a folder in it has an {LOG}")
    return runs


def bleu_tokenizer(runs: Sequence[Path]) -> str:
    """sacreBLEU's tokenizer that the runs were scored with; 13a for those that do not say.

    Raises InputError when they differ, or for a damaged file.
    """
    tokenizers = {}
    for run in runs:
        said = read_configuration(run)
        tokenizers[said.get("sacrebleu_tokenizer", DEFAULT_TOKENIZER)] = run
    if len(tokenizers) > 1:
        described = ", ".join(f"{run} by {name}" for name, run in tokenizers.items())
        raise InputError(f"runs scored by different tokenizers ({described}): give --sacrebleu-tokenizer")
    return next(iter(tokenizers))
