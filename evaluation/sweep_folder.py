"""Finished runs in a folder, and what their evaluation files say about their scores."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from agents.text_scoring import TOKENIZERS_BY_SPACES
from evaluation.result_folder import LOG
from evaluation.run_log import RunLog
from models.errors import InputError

CONFIGURATION = "evaluation.yaml"
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


def bleu_tokenizer(logs: Sequence[RunLog]) -> str:
    """sacreBLEU's tokenizer that the runs were scored with.

    For runs that do not say, as of SimulEval alone, it goes by the script of their references: 13a, or the
    one for text without spaces. Raises InputError when runs differ, or say one that finds no words in their
    references.
    """
    tokenizers = {}
    for log in logs:
        run = log.path.parent
        file = run / CONFIGURATION
        said = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
        tokenizer = said.get("sacrebleu_tokenizer") or log.spaceless or DEFAULT_TOKENIZER
        if tokenizer in TOKENIZERS_BY_SPACES and log.spaceless is not None:
            raise InputError(
                f"{run} was scored by BLEU's tokenizer {tokenizer}, which finds no words in its references: "
                f"run it again with sacrebleu_tokenizer {log.spaceless}, or give --sacrebleu-tokenizer"
            )
        tokenizers[tokenizer] = run
    if len(tokenizers) > 1:
        described = ", ".join(f"{run} by {name}" for name, run in tokenizers.items())
        raise InputError(f"runs scored by different tokenizers ({described}): give --sacrebleu-tokenizer")
    return next(iter(tokenizers))
