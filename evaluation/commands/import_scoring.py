"""simulst import-scoring RUN FILE.tsv --metric NAME: keep what another program scored beside a run.

The scores then stand in the run's scores.tsv, and `simulst compare` and `simulst nose` take their name.
"""

from pathlib import Path

from evaluation.commands.import_scoring_arguments import ImportScoringArguments
from evaluation.logs.imported_scores import import_scores, imported_scores
from evaluation.run.rescore import rescore
from evaluation.sweeps.folder import read_scored_log, run_configuration
from foundation.errors import InputError


def run(args: ImportScoringArguments) -> None:
    """Read and keep the scores. Raises InputError unless there is one for each text of the run."""
    if not Path(args.run).is_dir():
        raise InputError(f"{args.run} is no folder: give that of a finished run")
    log = read_scored_log(args.run)
    import_scores(log, args.metric, args.scores)
    mean = imported_scores(log)[args.metric].mean()
    if run_configuration(args.run):
        rescore(args.run, {})
    print(f"{args.metric} {mean:.4f} over {len(log.utterances)} {log.units_of_test_set} of {args.run}")
