"""simulst evaluate --rescore FOLDER [--KEY VALUE ...]: score a finished run again, from its log.

Flags replace what its evaluation.yaml says about scores; what was run stays as it is. The scores that were
there stay until there are new ones.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from evaluation.configuration.evaluation_file import Configuration, load_configuration
from evaluation.configuration.test_set_files import check_omnisteval
from evaluation.logs.result_folder import LOG
from evaluation.logs.run_log import read_run_log
from evaluation.metrics.scores import Scorers, Scores
from evaluation.run.run_scores import write_scores
from evaluation.sweeps.folder import CONFIGURATION, run_configuration
from foundation.errors import InputError

# Options of an evaluation that change its scores, but not its log.
SCORING = (
    "quality_metrics", "latency_metrics", "computation_aware", "no_use_ref_len", "sacrebleu_tokenizer",
    "alignment_tokenizer", "nose_siblings", "nose_offline", "nose_bounds", "nose_latency", "nose_quality",
)  # fmt: skip


def rescore(folder: str | Path, flags: Mapping[str, Sequence[str]]) -> tuple[Configuration, Scores]:
    """Score the run in a folder again, and write its scores. Raises InputError for what cannot be scored."""
    folder = Path(folder)
    for name in flags:
        if name not in SCORING:
            raise InputError(f"--rescore runs nothing, so --{name.replace('_', '-')} does not go with it")
    if not (folder / LOG).is_file():
        raise InputError(f"{folder} holds no {LOG}: give the folder of a finished run")
    if not run_configuration(folder):
        raise InputError(
            f"{folder} has no {CONFIGURATION}, which says how it was run: score it by simuleval --score-only"
        )
    configuration = load_configuration(folder / CONFIGURATION, {**flags, "output": [str(folder)]})
    if configuration.evaluation.segments:
        check_omnisteval(configuration.evaluation)
    scorers = Scorers(configuration.evaluation)
    # Whatever is damaged is refused here, by its line: SimulEval reads without any check.
    read_run_log(folder)
    return configuration, write_scores(configuration, scorers, folder)
