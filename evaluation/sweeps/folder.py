"""Finished runs in a folder, and what their evaluation files say about their scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sacrebleu.metrics import BLEU

from agents.test_set.text_scoring import TOKENIZERS_BY_SPACES
from evaluation.logs.json_lines import is_count
from evaluation.logs.result_folder import CONFIGURATION, LOG
from evaluation.logs.run_log import RunLog, read_run_log
from evaluation.logs.segment_log import SEGMENT_LOG, read_segment_log
from foundation.errors import InputError
from foundation.files.yaml_files import load_yaml

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


def read_run_yaml(file: Path, mend: str) -> dict[str, Any]:
    """Keys and values of a file that a run or a sweep has left; none where there is no such file.

    Raises InputError, which ends with `mend`, for anything that no run could have written.
    """
    if not file.exists():
        return {}
    try:
        values = load_yaml(file.read_bytes().decode("utf-8"), str(file))
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}): {mend}") from None
    except (InputError, UnicodeDecodeError):
        values = None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InputError(f"{file} is damaged: {mend}")
    return values


def run_configuration(run: Path) -> dict[str, Any]:
    """What a run says about itself; nothing where it comes from SimulEval alone.

    Raises InputError when it is damaged, also in the values that scores depend on.
    """
    file, mend = run / CONFIGURATION, f"remove {run}, and run again"
    values = read_run_yaml(file, mend)
    for name in ("quality_metrics", "latency_metrics"):
        metrics = values.get(name, [])
        if not isinstance(metrics, list) or not all(isinstance(metric, str) for metric in metrics):
            raise InputError(f"{file} is damaged ({name} is no list of names): {mend}")
    tokenizer = values.get("sacrebleu_tokenizer")
    if tokenizer is not None and tokenizer not in list(BLEU.TOKENIZERS):
        raise InputError(f"{file} is damaged (there is no sacrebleu_tokenizer {str(tokenizer)[:60]}): {mend}")
    beam = values.get("beam")
    if beam is not None and not (is_count(beam) and 0 < beam < 10_000):
        raise InputError(f"{file} is damaged (beam must be a whole number from 1): {mend}")
    return values


def read_scored_log(run: Path) -> RunLog:
    """The log that a run's scores are of: by segments where it was over long recordings, else instances.log.

    Raises InputError when it cannot be read, or is not there because the run was never scored.
    """
    segments = run / SEGMENT_LOG
    if segments.is_file():
        return read_segment_log(segments)
    if run_configuration(run).get("segments"):
        raise InputError(f"{run} has no {SEGMENT_LOG}: make it by `simulst evaluate --rescore {run}`")
    return read_run_log(run)


def bleu_tokenizer(logs: Sequence[RunLog]) -> str:
    """sacreBLEU's tokenizer that the runs were scored with.

    For runs that do not say, as of SimulEval alone, it goes by the script of their references: 13a, or the
    one for text without spaces. Raises InputError when runs differ, or say one that finds no words in their
    references.
    """
    tokenizers = {}
    for log in logs:
        run = log.path.parent
        said = run_configuration(run).get("sacrebleu_tokenizer")
        tokenizer = said or log.spaceless or DEFAULT_TOKENIZER
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
